"""The log joint of a program as functions of leaves and one flat unconstrained draw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from multiverse.planning.model_trace import Sites
from multiverse.planning.program import Signature

Potential = Callable[[Mapping[str, Any], Any], Any]


def potential(signature: Signature, sites: Sites) -> Potential:
    """`(leaves, z (dimension,)) -> ()`: minus the log joint density on the unconstrained scale, in nats."""
    from numpyro.infer.util import potential_energy

    return lambda leaves, z: potential_energy(signature, (leaves,), {}, sites.unravel(z))


def draw_of(
    signature: Signature, sites: Sites, keep: Collection[str]
) -> Callable[[Mapping[str, Any], Any], tuple[dict[str, Any], Any, Any]]:
    """`(leaves, z) -> (values by site, log prior, log likelihood)` of one draw.

    Values are those of the sites in `keep`, latent or deterministic, on their own scale. The log prior sums the
    latent sites on that scale (no Jacobian), the log likelihood the observed ones; both in nats.
    """
    from numpyro.infer.util import compute_log_probs, constrain_fn

    latent = {site.name for site in sites.latents}

    def one(leaves: Mapping[str, Any], z: Any) -> tuple[dict[str, Any], Any, Any]:
        values = constrain_fn(signature, (leaves,), {}, sites.unravel(z), return_deterministic=True)
        given = {name: value for name, value in values.items() if name in latent}
        log_probs, _ = compute_log_probs(signature, (leaves,), {}, given)
        prior = sum(value for name, value in log_probs.items() if name in latent)
        likelihood = sum((value for name, value in log_probs.items() if name not in latent), start=0.0 * prior)
        return {name: values[name] for name in keep}, prior, likelihood

    return one

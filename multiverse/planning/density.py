"""The log joint of a program as functions of leaves and one flat unconstrained draw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

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


def prior_draw(signature: Signature, sites: Sites) -> Callable[[Mapping[str, Any], Any], Any]:
    """`(leaves, key) -> z (dimension,)`: a draw of all latent sites from the prior, on the unconstrained scale.

    Not finite where a site of the draw lies at the end of its support, as rounding can put it.
    """
    import jax.numpy as jnp
    import numpyro
    from numpyro.distributions import biject_to

    def one(leaves: Mapping[str, Any], key: Any) -> Any:
        trace = numpyro.handlers.trace(numpyro.handlers.seed(signature, key)).get_trace(leaves)
        drawn = (trace[latent.name] for latent in sites.latents)
        return jnp.concatenate([jnp.ravel(biject_to(site["fn"].support).inv(site["value"])) for site in drawn])

    return one


class Evaluated(NamedTuple):
    """One draw: values by site on their own scale, and its log densities in nats.

    log_prior, log_likelihood: as `draw_of` has them. potential: minus the log joint on the unconstrained scale.
    """

    values: dict[str, Any]
    log_prior: Any
    log_likelihood: Any
    potential: Any


def evaluate(
    signature: Signature, sites: Sites, keep: Collection[str]
) -> Callable[[Mapping[str, Any], Any], Evaluated]:
    """`(leaves, z) -> Evaluated`: what `draw_of` and `potential` say of a draw, from running the model once.

    For engines that weigh many draws: there the model is most of the price, and XLA computes it for each of the two.
    """
    import numpyro
    from numpyro.infer.util import _unconstrain_reparam, compute_log_probs  # as `potential_energy` does it

    latent = {site.name for site in sites.latents}
    jacobian = {f"_{name}_log_det" for name in latent}

    def one(leaves: Mapping[str, Any], z: Any) -> Evaluated:
        free = partial(_unconstrain_reparam, sites.unravel(z))
        substituted = numpyro.handlers.substitute(signature, substitute_fn=free)
        log_probs, trace = compute_log_probs(substituted, (leaves,), {}, {})
        prior = sum(value for name, value in log_probs.items() if name in latent)
        change = sum((value for name, value in log_probs.items() if name in jacobian), start=0.0 * prior)
        others = log_probs.keys() - latent - jacobian
        likelihood = sum((log_probs[name] for name in log_probs if name in others), start=0.0 * prior)
        return Evaluated({n: trace[n]["value"] for n in keep}, prior, likelihood, -(prior + change + likelihood))

    return one

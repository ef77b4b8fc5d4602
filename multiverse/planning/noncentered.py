"""A program in other coordinates: sites of a location-scale family without their location and scale.

In a hierarchy the width of such a site hangs on another latent, and the posterior is a funnel that no one step size
fits (Betancourt & Girolami 2015, arXiv:1312.0906). Sampled as `z`, with `site = location + scale * z`, it is not. The
posterior is the same, so a universe may be sampled this way and answered in the coordinates in which it is written.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from multiverse.planning.model_trace import Sites, trace_model
from multiverse.planning.program import Program, Signature
from multiverse.planning.tracing import TRACING

# Families of NumPyro on the real line where location + scale x (a standard draw) is a draw; the other parameters of
# each. A class of the user's own with `loc` and `scale` need not be one.
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "Normal": (),
    "StudentT": ("df",),
    "Cauchy": (),
    "Laplace": (),
    "Logistic": (),
    "Gumbel": (),
    "SoftLaplace": (),
    "AsymmetricLaplace": ("asymmetry",),
}
SUFFIX: Final = "_decentered"  # of the site that NumPyro's LocScaleReparam samples instead


@dataclass(frozen=True)
class NonCentered:
    """A program's model with some sites non-centered. moved: these sites; sites: with `NAME_decentered` in their place.

    program: the one as it is written.
    """

    program: Program
    moved: tuple[str, ...]
    signature: Signature
    sites: Sites

    def centered(self, leaves: Mapping[str, Any], z: Any) -> Any:
        """A flat draw in these coordinates, `(dimension,)`, as one in those of the program; traceable."""
        import jax.numpy as jnp
        from numpyro.infer.util import constrain_fn

        free = self.sites.unravel(z)
        values = constrain_fn(self.signature, (leaves,), {}, free, return_deterministic=True)
        # A moved site lies on the real line: its value is its unconstrained value.
        own = (values[s.name] if s.name in self.moved else free[s.name] for s in self.program.sites.latents)
        return jnp.concatenate([jnp.ravel(value) for value in own])


_FOUND: dict[str, NonCentered | None] = {}
_LOCK = threading.Lock()


def noncentered(program: Program) -> NonCentered | None:
    """The program with every centered site of a hierarchy non-centered; None where there is no such site.

    Such a site is latent, of one of `FAMILIES`, not reparameterized already, and its distribution hangs on other
    latents. Traced once a program and process.
    """
    with TRACING, _LOCK:
        if program.id not in _FOUND:
            _FOUND[program.id] = _noncentered(program)
        found = _FOUND[program.id]
    return found if found is None else replace(found, program=program)


def _noncentered(program: Program) -> NonCentered | None:
    from numpyro.infer.reparam import LocScaleReparam

    leaves = program.leaves(next(iter(program.members)))
    try:
        moved = {name: LocScaleReparam(0, shape) for name, shape in _centered(program, leaves).items()}
        signature = replace(program.signature, reparam={**program.signature.reparam, **moved})
        sites = trace_model(signature, leaves).sites if moved else program.sites
    except Exception:  # a model that cannot be reparameterized, as inside some control flow, stays as it is written
        return None
    names = [latent.name for latent in sites.latents]
    expected = [s.name + SUFFIX if s.name in moved else s.name for s in program.sites.latents]
    if not moved or names != expected or sites.dimension != program.sites.dimension:
        return None
    return NonCentered(program, tuple(moved), signature, sites)


def _centered(program: Program, leaves: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The sites to move, and the parameters of their families beside location and scale."""
    from numpyro.infer.inspect import get_dependencies

    families = _families(program, leaves)
    parents: Any = get_dependencies(program.signature, (leaves,))["prior_dependencies"]
    reparameterized = tuple(program.signature.reparam)
    return {
        name: FAMILIES[families[name]]
        for name in (latent.name for latent in program.sites.latents)
        if families[name] in FAMILIES
        and parents[name].keys() - {name}
        and not any(name == site or name.startswith(f"{site}_") for site in reparameterized)
    }


def _families(program: Program, leaves: Mapping[str, Any]) -> dict[str, str]:
    """The family of each latent site, "" where it is not one of NumPyro's own."""
    import jax
    import numpyro

    found: dict[str, str] = {}

    def look(at: Mapping[str, Any], key: Any) -> None:
        for name, site in numpyro.handlers.trace(numpyro.handlers.seed(program.signature, key)).get_trace(at).items():
            if site["type"] == "sample":
                found[name] = _family(site["fn"])

    jax.eval_shape(look, dict(leaves), jax.random.key(0))
    return found


def _family(fn: Any) -> str:
    import numpyro.distributions as dist

    while isinstance(fn, dist.Independent | dist.ExpandedDistribution):
        fn = fn.base_dist
    name = type(fn).__name__
    return name if getattr(dist, name, None) is type(fn) else ""

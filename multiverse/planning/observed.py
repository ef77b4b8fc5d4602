"""What a model observes: its observed sites as a universe sees them, with the mask of the rows that count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from multiverse.planning.program import Program
from multiverse.planning.tracing import TRACING


class Site(NamedTuple):
    """An observed site of one universe: its name, its distribution given one draw of the prior, its value, the mask.

    mask: of the shape of the value without the axes of one event; True where a value counts.
    """

    name: str
    fn: Any
    value: Any
    mask: Any


def observed_sites(program: Program, leaves: Mapping[str, Any], key: Any) -> Iterator[Site]:
    """The observed sites of a model given its leaves (arrays or tracers), latents drawn from their priors.

    A `numpyro.factor` is none: it observes nothing. The caller holds TRACING.
    """
    return observed_in(seeded_trace(program, leaves, key), program)


def seeded_trace(program: Program, leaves: Mapping[str, Any], key: Any) -> Mapping[str, Mapping[str, Any]]:
    """NumPyro's trace of a model given its leaves, latents drawn from their priors. The caller holds TRACING."""
    import numpyro

    seeded = numpyro.handlers.seed(program.signature, key)
    trace: Mapping[str, Mapping[str, Any]] = numpyro.handlers.trace(seeded).get_trace(leaves)
    return trace


def observed_in(trace: Mapping[str, Mapping[str, Any]], program: Program) -> Iterator[Site]:
    """The observed sites of a trace; no `numpyro.factor`."""
    import jax.numpy as jnp
    from numpyro.distributions import Unit

    for name in program.sites.observed:
        fn, value = trace[name]["fn"], jnp.asarray(trace[name]["value"])
        if not isinstance(base(fn), Unit):
            shape = value.shape[: value.ndim - fn.event_dim]
            yield Site(name, fn, value, jnp.broadcast_to(_mask(fn), shape))


def has_factors(program: Program, leaves: Mapping[str, Any]) -> bool:
    """Whether a model has a `numpyro.factor`: its prior is then no distribution that can be simulated."""
    import jax

    seen: list[int] = []
    with TRACING:
        jax.eval_shape(
            lambda at, key: seen.append(len(list(observed_sites(program, at, key)))), leaves, jax.random.key(0)
        )
    return seen[-1] < len(program.sites.observed)


def base(fn: Any) -> Any:
    """The distribution within masks, expansions and events."""
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    return fn


def family(fn: Any) -> str:
    """The name of a distribution as a user writes it: `Poisson`, `Bernoulli`, `LogNormal`."""
    from numpyro.distributions import Independent
    from numpyro.distributions.distribution import ExpandedDistribution, MaskedDistribution

    while isinstance(fn, MaskedDistribution | ExpandedDistribution | Independent):
        fn = fn.base_dist
    return type(fn).__name__.removesuffix("Probs").removesuffix("Logits")


def _mask(fn: Any) -> Any:
    """All masks on a distribution together; True where it has none."""
    import jax.numpy as jnp

    mask: Any = True
    while fn is not None:
        mask = jnp.logical_and(mask, getattr(fn, "_mask", True))
        fn = getattr(fn, "base_dist", None)
    return mask

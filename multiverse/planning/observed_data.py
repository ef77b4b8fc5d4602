"""What each universe observes, as a fingerprint: where two are equal, marginal likelihoods may be compared.

A marginal likelihood is a density of the observed values. Two say something of each other where it is a density of the
same values on the same base measure: the observed sites of a model, as they stand in its trace, without masked rows.
Covariates may differ; another outcome, other rows, or the outcome on another scale may not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from multiverse.planning.alike import said
from multiverse.planning.observed import Site, base, family, observed_in, seeded_trace
from multiverse.planning.program import Program
from multiverse.planning.tracing import TRACING


class Observed(NamedTuple):
    """fingerprint: equal for universes whose evidence may be compared; empty where there is none, and `why`."""

    fingerprint: str
    why: str = ""


def observed_data(program: Program) -> dict[str, Observed]:
    """What each universe of a program observes, by key. The model is traced once, on abstract values.

    Observed values are looked at once for each data set and each choice of the options that decide them.
    """
    if program.kind != "model":
        who = "a simulator" if program.kind == "simulator" else "an `estimate` function"
        return dict.fromkeys(program.members, Observed("", f"{who} tells no likelihood"))
    try:
        looker = look_at(program)
        if isinstance(looker, str):
            return dict.fromkeys(program.members, Observed("", looker))
        if looker.scaled:
            return dict.fromkeys(program.members, Observed("", looker.scaled))
        return _by_universe(program, looker)
    except Exception as error:  # a model that another engine can answer all the same
        return dict.fromkeys(program.members, Observed("", f"what it observes cannot be told: {said(error)}"))


class Looker(NamedTuple):
    """The part of a model that makes the observed values.

    heads: name and base measure of each site. live: the leaves it needs. jaxpr, constants: three arrays a site. scaled:
    which site's density is raised to a power, in words; empty where none is.
    """

    heads: tuple[str, ...]
    live: tuple[str, ...]
    jaxpr: Any
    constants: Sequence[Any]
    scaled: str = ""


def look_at(program: Program) -> Looker | str:
    """How to see what is observed; or why it cannot be told."""
    import jax
    from jax.interpreters.partial_eval import dce_jaxpr_consts

    heads: list[str] = []
    whys: list[str] = []
    powers: list[str] = []

    def look(leaves: Mapping[str, Any], key: Any) -> list[Any]:
        trace = seeded_trace(program, leaves, key)
        sites = sorted(observed_in(trace, program), key=lambda site: site.name)
        heads[:] = [f"{site.name} in {_measure(site.fn)}" for site in sites]
        whys[:] = _unnormalised(program, trace, sites)
        powers[:] = [n for n, s in trace.items() if s["type"] == "sample" and s.get("scale") is not None]
        return [part for site in sites for part in (site.value, site.mask, _censored(site))]

    abstract: Any = jax.ShapeDtypeStruct
    leaves = program.leaves(next(iter(program.members)))
    with jax.enable_x64(True), TRACING:
        given = {path: abstract(leaf.shape, leaf.dtype) for path, leaf in leaves.items()}
        closed = jax.make_jaxpr(look)(given, jax.random.key(0))
    if whys:
        return whys[0]
    jaxpr, kept, used = dce_jaxpr_consts(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    if used[-1]:  # the random key
        return "latent sites decide what is observed"
    live = tuple(path for path, is_used in zip(sorted(leaves), used[:-1], strict=True) if is_used)
    constants = [value for value, keep in zip(closed.consts, kept, strict=True) if keep]
    scaled = f"the density of {powers[0]!r} is scaled, and so no density" if powers else ""
    return Looker(tuple(heads), live, jaxpr, constants, scaled)


def _unnormalised(program: Program, trace: Mapping[str, Mapping[str, Any]], sites: Sequence[Site]) -> list[str]:
    """What makes the log joint of a model no density of data and latents."""
    whys = []
    if unnormalised := [latent.name for latent in program.sites.latents if not latent.normalised]:
        whys.append(f"the prior of {unnormalised[0]!r} is masked, and so no distribution")
    if factors := sorted(program.sites.observed.keys() - {site.name for site in sites}):
        whys.append(f"the model has a numpyro.factor {factors[0]!r}: what it does to the likelihood cannot be told")
    return whys


def _measure(fn: Any) -> str:
    """The measure on which the density of a site is one: lengths, counts, and where there are atoms among lengths."""
    support = fn.support
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    names = "".join(sorted({type(part).__name__ for part in _parts(fn)} & {"Delta"}))
    kind = family(fn)
    special = kind if "Censored" in kind or "Inflated" in kind else ""
    shape = type(support).__name__ if support.event_dim > 0 and "Real" not in type(support).__name__ else ""
    return " ".join(filter(None, ("counts" if fn.is_discrete else "lengths", shape, special, names)))


def _parts(fn: Any) -> Iterator[Any]:
    """A distribution and those it is made of."""
    yield fn
    inner = getattr(fn, "component_distributions", None) or [getattr(fn, "component_distribution", None)]
    for part in [getattr(fn, "base_dist", None), *inner]:
        if part is not None:
            yield from _parts(part)


def _censored(site: Site) -> Any:
    """Which values are bounds: they are data too. 0 where none can be."""
    import jax.numpy as jnp

    own = base(site.fn)
    for fn in _parts(site.fn):
        if "Censored" in type(fn).__name__:
            own = fn
            break
    else:
        return jnp.zeros(())
    return jnp.broadcast_to(jnp.asarray(own.censored, float), jnp.shape(site.mask))


def by_observed(program: Program, looker: Looker) -> Iterator[tuple[list[str], list[np.ndarray]]]:
    """Universes with one data set that observe the same, and the three arrays of each site, as the looker has them."""
    import jax

    decisions = sorted({name for (name, _), leaves in program.choices.items() if leaves.keys() & set(looker.live)})
    alike: dict[tuple[Any, ...], list[str]] = {}
    for key, member in program.members.items():
        alike.setdefault((member.prepared, *(member.universe[name] for name in decisions)), []).append(key)
    with jax.enable_x64(True):
        for keys in alike.values():
            leaves = program.leaves(keys[0])
            told = jax.core.eval_jaxpr(looker.jaxpr, looker.constants, *(leaves[path] for path in looker.live))
            yield keys, [np.asarray(part) for part in told]


def _by_universe(program: Program, looker: Looker) -> dict[str, Observed]:
    found: dict[str, Observed] = {}
    for keys, told in by_observed(program, looker):
        found |= dict.fromkeys(keys, Observed(_fingerprint(looker.heads, told)))
    return {key: found[key] for key in program.members}


def _fingerprint(heads: Sequence[str], told: Sequence[np.ndarray]) -> str:
    """16 hex characters of the values that count, as float64, whatever the type and the padding they came in."""
    digest = hashlib.sha256()
    for head, value, mask, censored in zip(heads, told[::3], told[1::3], told[2::3], strict=True):
        seen = np.ascontiguousarray(value[mask], np.float64) + 0.0  # one zero
        bounds = np.ascontiguousarray(np.broadcast_to(censored, mask.shape)[mask], np.float64)
        digest.update(f"{head}|{seen.size}|".encode() + seen.tobytes() + bounds.tobytes())
    return digest.hexdigest()[:16]

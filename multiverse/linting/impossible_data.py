"""Observed values that the likelihood of a universe cannot hold: negative counts, zeros under a logarithm, y = 1.

NumPyro gives them the density zero, whatever the parameters: the log joint is minus infinity everywhere, and no chain
can move. (Where its validation is switched off they get some number, and bend the posterior unseen.) Planning refuses
NaN and infinite prepared data; those that the model makes itself are found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from multiverse.linting.data_sets import forbidding, where
from multiverse.linting.finding import Finding, finding
from multiverse.planning.observed import family, observed_sites
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.tracing import QUICK_COMPILE, TRACING, compiled

CHECK = "data that likelihoods cannot hold"
DRAWS = 5  # of the prior, at which the density of a value on the edge of a support is computed
SUPPORTS = {  # NumPyro's name of a constraint -> what it holds, in words
    "IntegerNonnegative": "whole numbers from 0",
    "IntegerPositive": "whole numbers from 1",
    "Positive": "numbers above 0",
    "Nonnegative": "numbers from 0",
    "UnitInterval": "numbers between 0 and 1",
    "OpenInterval": "numbers between two bounds",
    "Boolean": "0 and 1",
    "Circular": "angles from -pi to pi",
    "Simplex": "shares that sum to 1",
    "Real": "finite numbers",
    "IntegerInterval": "whole numbers between two bounds",
    "Interval": "numbers between two bounds",
}
MENDS = {
    "Circular": "bring angles to this turn of the circle in prepare, `(angle + np.pi) % (2 * np.pi) - np.pi`",
    "Positive": "zeros need a part of their own in the model (a hurdle), or a reason to be replaced in prepare",
    "UnitInterval": "zeros and ones need a part of their own in the model, or be squeezed in prepare, "
    "`y = (y * (n - 1) + 0.5) / n` (Smithson & Verkuilen 2006)",
}


class _Looked(NamedTuple):
    """An observed site of one universe: its values, which of them are inside the support, on its edge, and count.

    Arrays; JAX's while the model is traced.
    """

    value: Any
    inside: Any
    edge: Any
    mask: Any


class _Looker(NamedTuple):
    """An observed site of a program, and the part of the model that decides what is observed and what can be.

    support: NumPyro's name of it. live: the leaves which that part needs. look: `(leaves) -> _Looked`.
    """

    site: str
    family: str
    support: str
    live: tuple[str, ...]
    look: Any


class _Impossible(NamedTuple):
    """Impossible values of an observed site in some universes: how many of how many, and the first of them."""

    looker: _Looker
    keys: tuple[str, ...]
    bad: int
    total: int
    example: str


def impossible_data(plan: Plan) -> Iterator[Finding]:
    """The observed values that are outside the support of their likelihood, a finding for each site and family.

    Only rows that count are looked at. A value on the edge of a support, as y = 1 under Beta, is possible where its
    density is finite. A support that depends on latents, as of Uniform(0, top), is not looked at.
    """
    found: dict[tuple[str, str], list[_Impossible]] = {}
    for program in plan.programs:
        if program.kind == "model":
            for looker in _lookers(program):
                for one in _impossible(program, looker):
                    found.setdefault((looker.site, looker.family), []).append(one)
    for alike in found.values():
        yield _finding(plan, alike)


def _lookers(program: Program) -> list[_Looker]:
    """The observed sites of a program whose values and support do not depend on latents."""
    import jax
    from jax.interpreters.partial_eval import dce_jaxpr_consts

    names: list[tuple[str, str, str]] = []

    def look(leaves: Mapping[str, Any], key: Any) -> list[_Looked]:
        sites = list(observed_sites(program, leaves, key))
        names[:] = [(site.name, family(site.fn), _support(site.fn)) for site in sites]
        return [_look(site.fn, site.value, site.mask) for site in sites]

    abstract_of: Any = jax.ShapeDtypeStruct
    leaves = program.leaves(next(iter(program.members)))
    with jax.enable_x64(True), TRACING:
        abstract = {path: abstract_of(leaf.shape, leaf.dtype) for path, leaf in leaves.items()}
        closed = jax.make_jaxpr(look)(abstract, jax.random.key(0))
    lookers = []
    size = len(_Looked._fields)
    for at, (name, its_family, support) in enumerate(names):
        mine = [i // size == at for i in range(size * len(names))]
        alive, kept, used = dce_jaxpr_consts(closed.jaxpr, mine)
        if used[-1]:  # the random key: latents decide
            continue
        live = tuple(path for path, is_used in zip(sorted(leaves), used[:-1], strict=True) if is_used)
        constants = [value for value, keep in zip(closed.consts, kept, strict=True) if keep]
        lookers.append(_Looker(name, its_family, support, live, _evaluator(alive, constants, live)))
    return lookers


def _evaluator(jaxpr: Any, constants: Sequence[Any], live: Sequence[str]) -> Any:
    import jax

    def look(leaves: Mapping[str, np.ndarray]) -> _Looked:
        told = jax.core.eval_jaxpr(jaxpr, constants, *(leaves[path] for path in live))
        return _Looked(*(np.asarray(part) for part in told))

    return look


def _look(fn: Any, value: Any, mask: Any) -> _Looked:
    """What can be told of the values of a site, in JAX."""
    import jax.numpy as jnp

    inside = jnp.broadcast_to(jnp.asarray(fn.support(value)), mask.shape)
    edge = jnp.zeros(mask.shape, dtype=bool)
    if fn.event_dim == 0 and not fn.is_discrete:
        for bound in ("lower_bound", "upper_bound"):
            if (at := getattr(fn.support, bound, None)) is not None:
                edge = edge | (value == at)
    return _Looked(value, inside, edge, mask)


def _support(fn: Any) -> str:
    constraint = fn.support
    while hasattr(constraint, "base_constraint"):
        constraint = constraint.base_constraint
    return type(constraint).__name__.removeprefix("_")


def _impossible(program: Program, looker: _Looker) -> Iterator[_Impossible]:
    """Looks once for each data set and each choice of the options that decide what is observed."""
    import jax

    decisions = sorted({name for (name, _), leaves in program.choices.items() if leaves.keys() & set(looker.live)})
    alike: dict[tuple[Any, ...], list[str]] = {}
    for key, member in program.members.items():
        alike.setdefault((member.prepared, *(member.universe[name] for name in decisions)), []).append(key)
    with jax.enable_x64(True):
        for keys in alike.values():
            leaves = program.leaves(keys[0])
            seen = looker.look(leaves)
            bad = seen.mask & ~seen.inside & ~seen.edge
            if (seen.mask & seen.edge).any():
                bad = bad | (seen.mask & seen.edge & ~_possible(program, looker.site, leaves, seen))
            if bad.any():
                first = tuple(int(i) for i in np.argwhere(bad)[0])
                row = first[0] if len(first) == 1 else first
                example = f"{_shown(seen.value[first])} in row {row}"
                yield _Impossible(looker, tuple(keys), int(bad.sum()), int(seen.mask.sum()), example)


def _possible(program: Program, site: str, leaves: Mapping[str, np.ndarray], seen: _Looked) -> np.ndarray:
    """Where the density of the values is finite at some draw of the prior; everywhere, if it is nowhere inside."""
    import jax
    import jax.numpy as jnp

    def density(leaves: Mapping[str, Any], keys: Any) -> Any:
        def at(key: Any) -> Any:
            its = next(s for s in observed_sites(program, leaves, key) if s.name == site)
            return jnp.isfinite(its.fn.log_prob(its.value))

        return jax.lax.map(at, keys).any(axis=0)

    # With XLA's own generator, which compiles fast.
    keys = jax.random.split(jax.random.key(0, impl="rbg"), DRAWS)
    finite = np.asarray(compiled(density, leaves, keys, options=QUICK_COMPILE)(leaves, keys))
    inside = seen.mask & seen.inside & ~seen.edge
    return finite if finite[inside].any() or not inside.any() else np.ones_like(finite)


def _shown(value: np.ndarray) -> str:
    return f"{value.item():.6g}" if np.ndim(value) == 0 else str(value.tolist())


def _finding(plan: Plan, alike: Sequence[_Impossible]) -> Finding:
    worst = max(alike, key=lambda one: one.bad)
    looker, keys = worst.looker, [key for one in alike for key in one.keys]
    most = "up to " if len({(one.bad, one.total) for one in alike}) > 1 else ""
    holds = SUPPORTS.get(looker.support, looker.support)
    what = (
        f"{most}{worst.bad:,} of {worst.total:,} observed values of {looker.site!r} cannot be, under "
        f"{looker.family}{where(plan, keys)}: it holds {holds}, and there is {worst.example} of the prepared data."
    )
    other = MENDS.get(looker.support, "mend the values in prepare")
    mend = f"{other}; or take a likelihood that can hold them{forbidding(plan, keys)}"
    return finding(plan, CHECK, what, keys, mend)

"""Universes that differ in parameterization only: the sampler goes other ways to one posterior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from multiverse.space.counted import counted
from multiverse.space.space import Space
from multiverse.space.universe import Universe

PARAMETERIZATION: Final = "parameterization"


def posteriors(space: Space, universes: Mapping[str, Universe]) -> list[tuple[str, ...]]:
    """The keys of the universes that have one posterior, in the order of the space; groups of one as well."""
    others = [name for name, decision in space.decisions.items() if decision.kind != PARAMETERIZATION]
    groups: dict[tuple[str | None, ...], list[str]] = {}
    for key, universe in universes.items():
        groups.setdefault(tuple(universe[name] for name in others), []).append(key)
    return [tuple(keys) for keys in groups.values()]


def posterior_notes(space: Space, universes: Mapping[str, Universe]) -> Iterator[str]:
    """What a plan says of them; nothing where each universe has a posterior of its own."""
    names = [name for name, decision in space.decisions.items() if decision.kind == PARAMETERIZATION]
    groups = posteriors(space, universes)
    if len(groups) == len(universes):
        return
    yield (
        f"{counted(len(universes), 'universe')} have {counted(len(groups), 'posterior')}: those that differ only in "
        f"{' and '.join(map(repr, names))} share one, and count once in every aggregate; a run by NUTS alone compares "
        "them (`results.parameterizations()`)"
    )

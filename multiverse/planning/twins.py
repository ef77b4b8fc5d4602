"""Twins: universes that are one analysis under two descriptions, found before anything runs: one run serves both.

Two universes are twins when all that the analysis sees is equal: the prepared data, the arguments of the model or
`estimate` function and of the estimands, and the reparameterizers. Equal means by content, as fingerprints tell it,
and never by label. (Of one famous multiverse of 1,728 universes 432 are such duplicates.)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.bind import Binding
from multiverse.planning.family import Family
from multiverse.planning.prepare import Prepared


def twins_of(families: Iterable[Family], binding: Binding) -> dict[str, str]:
    """Key of a universe -> key of the first one, in the order of the space, that is the same analysis.

    First ones are not in it. Data that have no fingerprint, which an `estimate` function may take, are like no others.
    Twins share a family, as its structure and its reparameterizers are made of what makes twins.
    """
    takers = [binding.analysis, *binding.estimands.values()]
    decisions = tuple(dict.fromkeys(name for takes in takers for name in takes))
    twins: dict[str, str] = {}
    nothing = fingerprint(None)  # what a decision that does not apply passes, as an option with the value None does
    for family in families:
        data = _alike([member.prepared for member in family.members])
        first: dict[Hashable, str] = {}
        for member in family.members:
            arguments = (family.choices[name, member.universe[name]].identity or nothing for name in decisions)
            key = first.setdefault((data[member.prepared.number], *arguments), member.key)
            if key != member.key:
                twins[member.key] = key
    return twins


def groups(twins: Mapping[str, str], keys: Iterable[str]) -> dict[str, list[str]]:
    """The twins of each first one that has any, itself at the head, among these keys and in their order."""
    together: dict[str, list[str]] = {}
    heads = set(twins.values())
    for key in keys:
        first = twins.get(key, key)
        if first in heads:
            together.setdefault(first, []).append(key)
    return together


def _alike(prepared: Sequence[Prepared]) -> dict[int, int]:
    """The number of each prepared data set -> that of the first one with the same content."""
    distinct = {one.number: one for one in prepared}
    if len(distinct) == 1:
        return dict.fromkeys(distinct, next(iter(distinct)))
    first: dict[Hashable, int] = {}
    return {
        number: first.setdefault((one.identity or number, _order(one.data)), number) for number, one in distinct.items()
    }


def _order(data: Any) -> Hashable:
    """The order of dicts, which fingerprints leave out, and by which a function may tell them apart."""
    if isinstance(data, Mapping):
        return tuple((str(name), _order(value)) for name, value in data.items())
    return tuple(map(_order, data)) if isinstance(data, list | tuple) else None

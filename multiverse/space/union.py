"""The decisions of two spaces as those of one, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from multiverse.errors import FingerprintError, Problem
from multiverse.space.decision import Decision


def merged(
    first: Mapping[str, Decision], second: Mapping[str, Decision]
) -> tuple[dict[str, Decision], tuple[Problem, ...]]:
    """The decisions of both, those of the first before what only the second has, and what does not fit.

    A decision that both have offers the options of both; kind, reference, reasons and plausibilities are the first's
    where the two differ.
    """
    problems: list[Problem] = []
    together = dict(first)
    for name, other in second.items():
        own = first.get(name)
        if own is None:
            together[name] = other
        elif own is not other:
            found = _differences(name, own, other)
            problems += found
            if not found:
                new = tuple(option for option in other.options if option.label not in own.labels)
                together[name] = replace(own, options=own.options + new)
    return together, tuple(problems)


def _differences(name: str, own: Decision, other: Decision) -> list[Problem]:
    problems = []
    if own.kind != other.kind:
        problems.append(
            Problem(
                f"the spaces of the union have the decision {name!r} in two kinds, {own.kind!r} and {other.kind!r}.",
                "one kind in both",
                f"Make both by the same maker, or rename {name!r} in one of them.",
            )
        )
    for option in other.options:
        if option.label in own.labels and not _same(own.option(option.label).value, option.value):
            problems.append(
                Problem(
                    f"{option.label!r} of {name!r} has another value in each space of the union.",
                    "one value under one label",
                    f"Give one of them another label, or both the same value: {option.label!r} is "
                    f"{own.option(option.label).value!r} and {option.value!r}.",
                )
            )
    weighed = {decision: [o.plausibility is not None for o in decision.options] for decision in (own, other)}
    if set(own.labels) != set(other.labels) and weighed[own][0] != weighed[other][0]:
        problems.append(
            Problem(
                f"only one space of the union gives plausibilities to the options of {name!r}.",
                "a plausibility for every option, or for none",
                f"Give `plausibility={{...}}` to {name!r} in both spaces, or in neither.",
            )
        )
    return problems


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same, as keys see it."""
    from multiverse.identity.fingerprint import fingerprint

    try:
        return one is other or fingerprint(one) == fingerprint(other)
    except FingerprintError:  # planning will say so
        return False

"""When a decision applies, as ASTRA says it: `decision.option` and `~decision.option`, all of which must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from multiverse.errors import Problem
from multiverse.interchange.among import as_data, as_rule
from multiverse.interchange.pairs import FormatError
from multiverse.space.decision import Decision
from multiverse.space.mistaken_rule import arguments
from multiverse.space.rules import Ask, OnlyWhen
from multiverse.space.space import Space


class Condition(NamedTuple):
    """That a decision has this option; or, where not `holds`, that it has another, or does not apply."""

    decision: str
    label: str
    holds: bool = True


def rule_of(conditions: Sequence[Condition], decisions: Mapping[str, Sequence[str]], idle: Mapping[str, object]) -> Ask:
    """The conditions as one rule. decisions: name -> labels. idle: decisions that do not apply everywhere."""
    left: dict[str, list[str | None]] = {}
    for name, label, holds in conditions:
        offered = left.setdefault(name, [*decisions[name], *((None,) if name in idle else ())])
        left[name] = [own for own in offered if (own == label) is holds]
    return as_rule([{name: tuple(labels) for name, labels in left.items()}])


def conditions_of(space: Space) -> dict[str, tuple[Condition, ...]]:
    """Decision -> what its `only_when` rules ask, for those that may not apply.

    Raises FormatError, which names them, for rules that are no list of labels a decision.
    """
    idle = {rule.decision for rule in space.rules if isinstance(rule, OnlyWhen)}
    left: dict[str, dict[str, set[str | None]]] = {}
    problems = []
    for rule in space.rules:
        if not isinstance(rule, OnlyWhen):
            continue
        patterns = as_data(rule.rule, arguments(rule, space.decisions)[0], space.decisions, idle)
        if patterns is None or len(patterns) > 1:
            problems.append(
                Problem(
                    f"the rule of {rule} is no list of labels for each decision that it looks at.",
                    "for each of some decisions the options with which this one applies: ASTRA has no other `or`",
                    'Write `only_when("tail", {"family": ["student", "cauchy"]})`, or make two decisions of it.',
                )
            )
            continue
        for name, labels in patterns[0].items():
            known = left.setdefault(rule.decision, {}).setdefault(name, {*space.decisions[name].labels, None})
            known &= set(labels)
    if problems:
        raise FormatError(problems)
    made: dict[str, tuple[Condition, ...]] = {}

    def of(decision: str) -> tuple[Condition, ...]:
        if decision not in made:
            found = [c for name, kept in left[decision].items() for c in asked(name, kept)]
            made[decision] = tuple(dict.fromkeys(found))
        return made[decision]

    def asked(name: str, kept: set[str | None]) -> list[Condition]:
        labels = space.decisions[name].labels
        inside = [label for label in labels if label in kept]
        if len(inside) == 1 and None not in kept:
            return [Condition(name, inside[0])]
        if not inside and None not in kept:
            return [Condition(name, labels[0]), Condition(name, labels[0], holds=False)]  # it never applies
        outside = [Condition(name, label, holds=False) for label in labels if label not in kept]
        return [*outside, *(of(name) if name in idle and None not in kept else ())]

    return {name: asked_for for name in space.decisions if name in left and (asked_for := of(name))}


def labels_by_decision(decisions: Mapping[str, Decision]) -> dict[str, tuple[str, ...]]:
    """Name -> labels."""
    return {name: decision.labels for name, decision in decisions.items()}

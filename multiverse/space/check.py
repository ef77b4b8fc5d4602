"""All mistakes that can be seen from a space alone, and the remarks that are not mistakes."""

from __future__ import annotations

import graphlib
import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multiverse.errors import Problem
from multiverse.space.count import Seen, broken, count, settle
from multiverse.space.decision import Decision
from multiverse.space.diagram import EMPTY, Diagram, Nodes, union
from multiverse.space.mistaken_rule import mistaken_rule
from multiverse.space.part import Part, numbered
from multiverse.space.rules import FICKLE, Link, OnlyWhen, OptionRule, Rule, told
from multiverse.space.steps import Step, Usable, needs, order, steps

MOST_DECISIONS = 500  # counting goes a call deeper for each, and Python stops at 1,000, the caller's included


@dataclass(frozen=True)
class Counted:
    """A part of a space when its universes were counted."""

    part: Part
    steps: tuple[Step, ...]
    diagram: Diagram


@dataclass(frozen=True)
class Examined:
    """What there is to say about a space: its problems, remarks, and its universes if they can be counted.

    rules: all of them, in whose order `Question.number` counts. parts: as counted; none where they cannot be.
    """

    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    parts: tuple[Counted, ...] = ()
    diagram: Diagram | None = None


def examine(decisions: Mapping[str, Decision], parts: Sequence[Part]) -> Examined:
    """Every mistake in names and rules; and if the rules can be asked, the universes and the mistakes among those."""
    rules, held_by = numbered([part.rules for part in parts])
    problems = _mistaken_names(decisions)
    if len(decisions) > MOST_DECISIONS:
        return Examined((*problems, _too_many(len(decisions))), rules=rules)
    usable: list[Usable] = []
    countable = True
    for number, rule in enumerate(rules):
        known = {name for part, own in zip(parts, held_by, strict=True) if number in own for name in part.decisions}
        asked, wrong = mistaken_rule(rule, {name: decision for name, decision in decisions.items() if name in known})
        if not wrong:
            usable.append((number, rule, asked))
        elif isinstance(rule, OnlyWhen):  # without it other rules would meet labels that they were never to see
            countable = False
        problems += wrong
    if circles := _circles(decisions, held_by, usable):
        return Examined((*problems, *circles), rules=rules)
    if not countable:
        return Examined(tuple(problems), rules=rules)
    seen = Seen()
    counted, diagram = count_parts(decisions, parts, usable, held_by, seen)
    problems += [_raised(rules[number], seen, number) for number in sorted(seen.raised)]
    if not any(isinstance(rules[number], OnlyWhen) for number in seen.raised):
        problems += _mistaken_universes(decisions, rules, counted, diagram)
    notes = _notes(decisions, rules, counted, diagram, seen)
    return Examined(tuple(problems), notes, rules, counted, diagram)


def count_parts(
    decisions: Mapping[str, Decision],
    parts: Sequence[Part],
    usable: Sequence[Usable],
    held_by: Sequence[frozenset[int]],
    seen: Seen,
) -> tuple[tuple[Counted, ...], Diagram]:
    """The universes of each part, and those of all of them together, each once.

    usable: the rules that are asked, each in the parts that have its number.  Raises graphlib.CycleError where
    `only_when` rules go in a circle.
    """
    names = tuple(decisions)
    turns = order(names, needs(names, usable))
    places = tuple(names.index(name) for name in turns)
    ranks = tuple({label: n for n, label in enumerate((*decision.labels, None))} for decision in decisions.values())
    nodes: Nodes = {}
    counted = []
    for part, numbers in zip(parts, held_by, strict=True):
        own = [rule for rule in usable if rule[0] in numbers]
        taken = steps(decisions, turns, part.decisions, own)
        counted.append(Counted(part, taken, Diagram(count(names, taken, seen, nodes), places, ranks)))
    return tuple(counted), Diagram(union([c.diagram.root for c in counted], places, ranks, nodes), places, ranks)


def _circles(
    decisions: Mapping[str, Decision], held_by: Sequence[frozenset[int]], usable: Sequence[Usable]
) -> list[Problem]:
    """`only_when` rules that go in a circle: within one part of the space, or else between the parts."""
    names = tuple(decisions)
    for numbers in held_by:
        try:
            order(names, needs(names, [rule for rule in usable if rule[0] in numbers]))
        except graphlib.CycleError as error:
            return [_circle(_ring(error, names))]
    try:
        order(names, needs(names, usable))
    except graphlib.CycleError as error:
        return [_crossed(_ring(error, names))]
    return []


def _too_many(decisions: int) -> Problem:
    return Problem(
        f"the space has {decisions:,} decisions.",
        f"at most {MOST_DECISIONS}",
        "Make one decision of those that say the same of many things: `power_set` does so for covariates.",
    )


def _mistaken_names(decisions: Mapping[str, Decision]) -> list[Problem]:
    problems = []
    lower: dict[str, str] = {}
    for name in decisions:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            problems.append(
                Problem(
                    f"the decision {name!r} cannot be the name of an argument.",
                    "a Python identifier that is no keyword and does not start with an underscore",
                    f"Rename it, for example to {_identifier(name)!r}.",
                )
            )
        elif (twin := lower.setdefault(name.casefold(), name)) != name:
            problems.append(
                Problem(
                    f"the decisions {twin!r} and {name!r} differ only in case.",
                    "names that SQL can tell apart, where case does not count",
                    f"Rename one, for example to {name.lower() + '_2'!r}.",
                )
            )
    return problems


def _identifier(name: object) -> str:
    word = "".join(c if c.isalnum() else "_" for c in str(name)).strip("_").lower() or "decision"
    word = word if word.isidentifier() else f"d_{word}"
    return f"{word}_choice" if keyword.iskeyword(word) else word


def _ring(error: graphlib.CycleError, names: Sequence[str]) -> list[str]:
    ring: list[str] = error.args[1][:0:-1]  # graphlib names each before the one that looks at it, and the first twice
    start = min(range(len(ring)), key=lambda i: names.index(ring[i]))
    return ring[start:] + ring[:start]


def _circle(ring: list[str]) -> Problem:
    path = " -> ".join([*ring, ring[0]])
    return Problem(
        f"only_when rules go in a circle, each looking at the next: {path}.",
        "decisions that can be taken one after the other",
        f"Remove one of: {', '.join(f'only_when({name!r})' for name in ring)}; "
        "what only excludes a combination is a `forbid`.",
    )


def _crossed(ring: list[str]) -> Problem:
    path = " -> ".join([*ring, ring[0]])
    return Problem(
        f"the spaces of the union take decisions in orders that contradict each other: {path}, "
        "each applying only when the next has some option.",
        "one order in which the decisions of all spaces can be taken",
        f"Turn one of {', '.join(f'only_when({name!r})' for name in ring)} into a `forbid`, "
        "or give the decision another name in one of the spaces.",
    )


def _raised(rule: Rule, seen: Seen, number: int) -> Problem:
    given, error = seen.raised[number]
    absent = [name for name, label in given.items() if label is None]
    hint = (
        f"{absent[0]!r} is None where it does not apply: write `... {absent[0]} is not None and ...`.  "
        if absent
        else ""
    )
    return Problem(
        f"the rule of {rule} raised {type(error).__name__}: {error}; "
        f"it was given {', '.join(f'{name}={label!r}' for name, label in given.items())}.",
        "true or false for every combination of labels",
        f"{hint}Rules see labels, not values: compare with the labels as they were declared.",
    )


def _mistaken_universes(
    decisions: Mapping[str, Decision], rules: tuple[Rule, ...], counted: Sequence[Counted], diagram: Diagram
) -> list[Problem]:
    names = tuple(decisions)
    if diagram.root is EMPTY:
        whys = "; ".join(rule.why for rule in rules if not isinstance(rule, OnlyWhen))
        return [
            Problem(
                f"no universe is left: every combination is ruled out by: {whys}.",
                "at least the reference universe",
                "Loosen a rule, or add an option that all rules let pass.",
            )
        ]
    first = counted[0]
    chosen = [decision.reference for decision in decisions.values()]
    if first.diagram.settle(chosen) is not None:
        return []
    reference = settle(first.steps, chosen)
    guilty = [rules[number] for number in broken(first.steps, reference)]
    whys = "; ".join(map(told, guilty)) or FICKLE
    linked = any(isinstance(rule, Link) for rule in guilty)
    said = ", ".join(f"{name}={label!r}" for name, label in zip(names, reference, strict=True) if label is not None)
    return [
        Problem(
            f"the reference universe ({said}) is ruled out by {whys}.",
            "a reference universe that is in the space: it is the analysis that would have been published",
            "Put the reference options of linked decisions at the same place among their options."
            if linked
            else 'Mark another option as reference, `reference="..."`, or loosen the rule.',
        )
    ]


def _notes(
    decisions: Mapping[str, Decision], rules: tuple[Rule, ...], counted: Sequence[Counted], diagram: Diagram, seen: Seen
) -> tuple[str, ...]:
    if seen.raised or diagram.root is EMPTY:
        return ()
    notes = [
        f"space {number} of the union has no universe: its rules exclude every combination"
        for number, part in enumerate(counted, 1)
        if part.diagram.root is EMPTY
    ]
    silent = set()
    for number, rule in enumerate(rules):
        if isinstance(rule, OnlyWhen):
            if number not in seen.held:
                silent.add(rule.decision)
                notes.append(f"{rule} never holds, so {rule.decision!r} never applies: compare the labels in its rule")
            elif number not in seen.failed:
                notes.append(f"{rule} always holds: compare the labels in its rule with those of the options")
        elif isinstance(rule, Link):
            if number not in seen.held and len(rule.labels[0]) > 1:
                notes.append(f"{rule} rules nothing out: no two of its decisions apply together")
        elif number not in seen.held:
            named = rule.why if isinstance(rule, OptionRule) else str(rule)
            notes.append(f"{named} rules nothing out: compare the labels in its rule with those of the options")
    for (name, decision), offered in zip(decisions.items(), diagram.offered(), strict=True):
        for label in decision.labels:
            if label not in offered and name not in silent:
                notes.append(f"{label!r} of {name!r} is in no universe: the rules exclude it everywhere")
    return tuple(notes)

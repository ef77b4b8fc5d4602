"""All mistakes that can be seen from a space alone, and the remarks that are not mistakes."""

from __future__ import annotations

import graphlib
import keyword
from collections.abc import Mapping
from dataclasses import dataclass

from multiverse.errors import Problem, near_miss
from multiverse.space.count import Seen, Step, broken, count, settle, steps
from multiverse.space.decision import Decision
from multiverse.space.diagram import EMPTY, Diagram
from multiverse.space.rules import FICKLE, Arguments, Forbid, OnlyWhen, Rule, arguments

Usable = tuple[int, Rule, Arguments]  # number among the rules as declared, rule, and what it asks for


@dataclass(frozen=True)
class Examined:
    """What there is to say about a space: its problems, remarks, and its universes if they can be counted."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    diagram: Diagram | None = None


def examine(decisions: Mapping[str, Decision], rules: tuple[Rule, ...]) -> Examined:
    """Every mistake in names and rules; and if the rules can be asked, the universes and the mistakes among those."""
    problems = _mistaken_names(decisions)
    usable: list[Usable] = []
    countable = True
    for number, rule in enumerate(rules):
        asked, wrong = arguments(rule, decisions)
        wrong += _mistaken_words(rule, decisions)
        if not wrong:
            usable.append((number, rule, asked))
        elif isinstance(rule, OnlyWhen):  # without it other rules would meet labels that they were never to see
            countable = False
        problems += wrong
    try:
        taken = steps(decisions, usable)
    except graphlib.CycleError as error:
        return Examined((*problems, _circle(error.args[1], decisions)))
    if not countable:
        return Examined(tuple(problems))
    diagram, seen = count(tuple(decisions), taken)
    raised = [_raised(rules[number], seen, number) for number in sorted(seen.raised)]
    problems += raised
    if not any(isinstance(rules[number], OnlyWhen) for number in seen.raised):
        problems += _mistaken_universes(decisions, rules, taken, diagram)
    return Examined(tuple(problems), _notes(decisions, rules, diagram, seen), taken, diagram)


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


def _mistaken_words(rule: Rule, decisions: Mapping[str, Decision]) -> list[Problem]:
    """What is wrong with a rule beside what it asks for."""
    if isinstance(rule, OnlyWhen):
        if rule.decision in decisions:
            return []
        return [
            Problem(
                f"{rule} names {rule.decision!r}, which is not a decision of the space.",
                f"one of: {', '.join(map(str, decisions)) or 'none, the space has no decisions'}",
                f"{near_miss(str(rule.decision), map(str, decisions))}Rename it, or add the decision to the space.",
            )
        ]
    if isinstance(rule.why, str) and rule.why.strip():
        return []
    return [
        Problem(
            f"{rule} gives no reason: `why` is {rule.why!r}.",
            "a sentence that says to a reader what is wrong with the universes that are ruled out",
            'Write `.forbid("five homes leave no zeros to log", lambda ...: ...)`.',
        )
    ]


def _circle(cycle: list[str], decisions: Mapping[str, Decision]) -> Problem:
    ring = cycle[:0:-1]  # graphlib names each before the one that looks at it, and the first again at the end
    start = min(range(len(ring)), key=lambda i: list(decisions).index(ring[i]))
    ring = ring[start:] + ring[:start]
    path = " -> ".join([*ring, ring[0]])
    return Problem(
        f"only_when rules go in a circle, each looking at the next: {path}.",
        "decisions that can be taken one after the other",
        f"Remove one of: {', '.join(f'only_when({name!r})' for name in ring)}; "
        "what only excludes a combination is a `forbid`.",
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
    decisions: Mapping[str, Decision], rules: tuple[Rule, ...], taken: tuple[Step, ...], diagram: Diagram
) -> list[Problem]:
    names = tuple(decisions)
    if diagram.root is EMPTY:
        whys = "; ".join(rule.why for rule in rules if isinstance(rule, Forbid))
        return [
            Problem(
                f"no universe is left: every combination is ruled out by: {whys}.",
                "at least the reference universe",
                "Loosen a rule, or add an option that all rules let pass.",
            )
        ]
    chosen = [decision.reference for decision in decisions.values()]
    if diagram.settle(chosen) is not None:
        return []
    reference = settle(taken, chosen)
    whys = "; ".join(str(rules[number]) for number in broken(taken, reference)) or FICKLE
    said = ", ".join(f"{name}={label!r}" for name, label in zip(names, reference, strict=True) if label is not None)
    return [
        Problem(
            f"the reference universe ({said}) is ruled out by {whys}.",
            "a reference universe that is in the space: it is the analysis that would have been published",
            'Mark another option as reference, `reference="..."`, or loosen the rule.',
        )
    ]


def _notes(decisions: Mapping[str, Decision], rules: tuple[Rule, ...], diagram: Diagram, seen: Seen) -> tuple[str, ...]:
    if seen.raised or diagram.root is EMPTY:
        return ()
    notes = []
    silent = set()
    for number, rule in enumerate(rules):
        if isinstance(rule, Forbid) and number not in seen.held:
            notes.append(f"{rule} rules nothing out: compare the labels in its rule with those of the options")
        elif isinstance(rule, OnlyWhen) and number not in seen.held:
            silent.add(rule.decision)
            notes.append(f"{rule} never holds, so {rule.decision!r} never applies: compare the labels in its rule")
        elif isinstance(rule, OnlyWhen) and number not in seen.failed:
            notes.append(f"{rule} always holds: compare the labels in its rule with those of the options")
    for (name, decision), offered in zip(decisions.items(), diagram.offered(), strict=True):
        for label in decision.labels:
            if label not in offered and name not in silent:
                notes.append(f"{label!r} of {name!r} is in no universe: the rules exclude it everywhere")
    return tuple(notes)

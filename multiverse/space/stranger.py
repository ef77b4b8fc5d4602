"""Why a universe is not in a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from multiverse.errors import Problem, near_miss
from multiverse.space.count import applies, broken
from multiverse.space.decision import Decision
from multiverse.space.rules import FICKLE, Rule, told
from multiverse.space.steps import Step

Steps = Sequence[Step]


def strangers(universe: object, decisions: Mapping[str, Decision]) -> list[Problem]:
    """Names and labels of a universe that the space does not have."""
    if not isinstance(universe, Mapping):
        what = f"{universe!r} is a {type(universe).__name__}, not a universe."
        return [Problem(what, "a mapping from decision to label", "Take one from the space: `space[0]`.")]
    problems = []
    for name, label in universe.items():
        if name not in decisions:
            what, word, known = (
                f"the universe names {name!r}, which is not a decision of the space.",
                name,
                tuple(decisions),
            )
        elif label is not None and label not in decisions[name].labels:
            what, word, known = f"{label!r} is not an option of {name!r}.", label, decisions[name].labels
        else:
            continue
        mend = f"{near_miss(str(word), known)}Write the name as it was declared."
        problems.append(Problem(what, f"one of: {', '.join(map(repr, known)) or 'none'}", mend))
    return problems


def why_not(
    universe: Mapping[str, str | None], decisions: Mapping[str, Decision], rules: Sequence[Rule], parts: Sequence[Steps]
) -> list[Problem]:
    """Everything that keeps a universe out of a sound space: strange names, gaps, idle decisions, or rules.

    parts: the steps of each part of the space.  Of several the one is told that has the least against the universe.
    """
    if problems := strangers(universe, decisions):
        return problems
    row = [universe.get(name) for name in decisions]
    return min((_kept_out(row, decisions, rules, taken) for taken in parts), key=len)


def _kept_out(
    row: list[str | None], decisions: Mapping[str, Decision], rules: Sequence[Rule], taken: Steps
) -> list[Problem]:
    names = tuple(decisions)
    problems = []
    for step in taken:
        name, label, wanted = names[step.place], row[step.place], applies(step, row)
        if wanted and label is None:
            what, expected = f"the universe has no option for {name!r}.", f"one of: {', '.join(map(repr, step.labels))}"
            option = decisions[name].reference if decisions[name].reference in step.labels else step.labels[0]
            problems.append(Problem(what, expected, f"Add `{name!r}: {option!r}`."))
        elif not wanted and label is not None:
            what, expected = f"the universe has {name}={label!r}, where {name!r} does not apply.", f"{name}=None"
            problems.append(Problem(what, expected, f"Write `{name!r}: None`, or leave {name!r} out."))
        elif wanted and label not in step.labels:
            what = f"the universe has {name}={label!r}, which only another space of the union offers."
            expected = f"one of: {', '.join(map(repr, step.labels))}"
            problems.append(Problem(what, expected, f"Write `{name!r}: {step.labels[0]!r}`."))
    if problems:
        return problems
    guilty = [rules[number] for number in broken(taken, row)]
    return [
        Problem(
            f"the universe is ruled out by {rule}.",
            "a universe that no rule excludes",
            "Change one of its options, or loosen the rule.",
        )
        for rule in list(map(told, guilty)) or [FICKLE]
    ]

"""An option of a decision, and all that can be wrong with a decision's options."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from multiverse.errors import Problem, near_miss
from multiverse.space.condition import Labels, When

KINDS = ("preprocessing", "prior", "likelihood", "parameterization")  # those with a maker; users may name others

NOTHING = When({})  # what an option asks of other decisions unless it is told


@dataclass(frozen=True, eq=False)
class Option:
    """One defensible value of a decision.

    `plausibility` is a weight, at least 0, on any scale that its decision shares; None where it was not given.
    `requires`: labels that other decisions must have beside this option, all of them. `incompatible_with`: labels of
    other decisions of which none goes with it. Mappings become `When`; either may be a rule on labels, a function.
    Options compare by identity: values may be arrays or distributions, which have no plain equality.
    """

    label: str
    value: Any
    why: str | None = None
    plausibility: float | None = None
    requires: Mapping[str, Labels] | Callable[..., object] = NOTHING
    incompatible_with: Mapping[str, Labels] | Callable[..., object] = NOTHING

    def __post_init__(self) -> None:
        for name in ("requires", "incompatible_with"):
            asked = getattr(self, name)
            if isinstance(asked, Mapping) and not isinstance(asked, When):
                object.__setattr__(self, name, When(asked))


def call_of(kind: object) -> str:
    """How a user wrote a decision of this kind, for messages."""
    return f"{kind}(...)" if kind in KINDS else f"decision({kind!r}, ...)"


def listed(labels: Iterable[object]) -> str:
    """Labels as a user writes them, with commas between."""
    return ", ".join(map(repr, labels))


def unknown(call: str, keyword: str, label: object, labels: Iterable[object]) -> Problem:
    """The problem that `why`, `plausibility` or `reference` names an option that does not exist."""
    known = list(labels)
    return Problem(
        f"{call}: `{keyword}` names {label!r}, which is not one of its options.",
        f"one of {listed(known)}",
        f"{near_miss(str(label), map(str, known))}Rename it in `{keyword}`, or add the option.",
    )


def mistakes(
    kind: object, options: tuple[Option, ...], reference: object, *, gaps_are_mistakes: bool = True
) -> list[Problem]:
    """All that is wrong with a decision's parts, in the order in which they are written.

    gaps_are_mistakes: whether a plausibility for some options only is one; not where a misspelt label explains the gap.
    """
    call = call_of(kind)
    problems: list[Problem] = []

    def wrong(what: str, expected: str, mend: str) -> None:
        problems.append(Problem(f"{call}: {what}", expected, mend))

    if not isinstance(kind, str) or not kind.strip():
        wrong(
            f"the kind is {kind!r}.", f"one of {listed(KINDS)}, or a word of your own", 'Write `decision("data", ...)`.'
        )
    if not options:
        wrong("there are no options.", "at least one option", f"Write `{call[:-4]}a_label=..., another=...)`.")
        return problems
    seen: dict[str, str] = {}  # without the blanks around -> as written
    labels: list[object] = [option.label for option in options]
    for label in labels:
        if not isinstance(label, str):
            wrong(f"the label {label!r} is a {type(label).__name__}.", "a string", f'Write `"{label}": ...`.')
        elif not label.strip():
            wrong(f"the label {label!r} is empty.", "a label that a reader can tell apart", 'Write `"none": ...`.')
        elif (twin := seen.get(label.strip())) is not None:
            wrong(f"the labels {twin!r} and {label!r} look the same.", "different labels", "Rename one of them.")
        else:
            seen[label.strip()] = label
    for option in options:
        if option.why is not None and (not isinstance(option.why, str) or not option.why.strip()):
            wrong(
                f"the reason of {option.label!r} is {option.why!r}.",
                "a sentence",
                f"Write `why={{{option.label!r}: 'because ...'}}`, or leave {option.label!r} out of `why`.",
            )
        for keyword in ("requires", "incompatible_with"):
            if not callable(asked := getattr(option, keyword)):
                wrong(
                    f"`{keyword}` of {option.label!r} is {asked!r}, a {type(asked).__name__}.",
                    "a mapping from another decision to its label or labels, or a function of other decisions",
                    f'Write `{keyword}={{{option.label!r}: {{"another decision": "its label"}}}}`.',
                )
    problems += _mistaken_weights(call, options, gaps_are_mistakes)
    if reference not in labels:
        problems.append(unknown(call, "reference", reference, labels))
    return problems


def _mistaken_weights(call: str, options: tuple[Option, ...], gaps_are_mistakes: bool) -> list[Problem]:
    given: list[tuple[str, object]] = [
        (option.label, option.plausibility) for option in options if option.plausibility is not None
    ]
    problems = [
        Problem(
            f"{call}: the plausibility of {label!r} is {weight!r}.",
            "a finite number, at least 0",
            f"Write for example `plausibility={{{label!r}: 0.5, ...}}`.",
        )
        for label, weight in given
        if not isinstance(weight, Real) or not math.isfinite(weight) or weight < 0
    ]
    if gaps_are_mistakes and 0 < len(given) < len(options):
        missing = [option.label for option in options if option.plausibility is None]
        problems.append(
            Problem(
                f"{call}: there is no plausibility for {listed(missing)}.",
                "a plausibility for every option, or for none",
                f"Add `{missing[0]!r}: ...` to `plausibility`, or leave `plausibility` out for equal weights.",
            )
        )
    if given and not problems and all(weight == 0 for _, weight in given):
        problems.append(
            Problem(
                f"{call}: every plausibility is 0.",
                "at least one plausibility above 0",
                "Give the options you believe in a larger number, or leave `plausibility` out for equal weights.",
            )
        )
    return problems

"""What rules universes out, and what makes a decision apply: callables that see option labels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from multiverse.errors import Problem, near_miss

FICKLE = "a rule that gave another answer when it was asked again"  # it uses random numbers, or keeps state

Ask = Callable[..., object]  # its parameters are decisions, its arguments labels; its answer is read as true or false


@dataclass(frozen=True)
class Forbid:
    """Rules out the universes where `rule` is true; `why` says to a reader what is wrong with them.

    The rule's parameters are names of decisions.  It is given their labels, None where a decision does not apply.
    A parameter with a default that is no decision keeps its default.
    """

    why: str
    rule: Ask

    def __str__(self) -> str:
        return f"forbid({self.why!r})"


@dataclass(frozen=True)
class OnlyWhen:
    """Lets `decision` apply only where `rule` is true, elsewhere it is None; parameters of the rule as in `Forbid`."""

    decision: str
    rule: Ask

    def __str__(self) -> str:
        return f"only_when({self.decision!r})"


Rule = Forbid | OnlyWhen


class Arguments(NamedTuple):
    """The decisions a rule asks for, by how they must be passed."""

    positional: tuple[str, ...]
    keyword: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All decisions the rule asks for, in the order of its parameters."""
        return self.positional + self.keyword


def arguments(rule: Rule, decisions: Collection[str]) -> tuple[Arguments, list[Problem]]:
    """The decisions that a rule asks for, and the mistakes in how it asks.

    The arguments are usable only where the list is empty.
    """
    asked = f"the rule of {rule}"
    example = f"lambda {next(iter(decisions), 'decision')}: ..."
    try:
        parameters = list(inspect.signature(rule.rule).parameters.values())
    except (TypeError, ValueError):  # not callable at all / a builtin without a signature
        what = "has no readable parameters" if callable(rule.rule) else "cannot be called"
        mend = f"Write `{example}` in its place."
        return Arguments((), ()), [Problem(f"{asked} is {rule.rule!r}, which {what}.", "a function of decisions", mend)]
    problems: list[Problem] = []
    names: dict[bool, list[str]] = {True: [], False: []}
    for parameter in parameters:
        name, known = parameter.name, parameter.name in decisions
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            problems.append(
                Problem(
                    f"{asked} takes `{parameter}`, which names no decision.",
                    "each decision by its own name",
                    f"Name the decisions that it looks at, for example `{example}`.",
                )
            )
        elif parameter.default is not parameter.empty:
            if known:  # the label of the universe, or the default? Either reading is wrong for somebody.
                problems.append(
                    Problem(
                        f"{asked} gives the decision {name!r} a default.",
                        "decisions without defaults; a default marks a parameter that is not a decision",
                        f"Remove the default, or rename the parameter: `_{name}={parameter.default!r}`.",
                    )
                )
        else:
            if not known:
                problems.append(_unknown(asked, name, decisions))
            names[parameter.kind is not parameter.KEYWORD_ONLY].append(name)
    if not problems and not names[True] and not names[False]:
        problems.append(
            Problem(
                f"{asked} asks for no decision.", "at least one parameter named like a decision", f"Write `{example}`."
            )
        )
    return Arguments(tuple(names[True]), tuple(names[False])), problems


def _unknown(asked: str, name: str, decisions: Collection[str]) -> Problem:
    return Problem(
        f"{asked} asks for {name!r}, which is not a decision of the space.",
        f"parameters among: {', '.join(map(str, decisions)) or 'none, the space has no decisions'}",
        f"{near_miss(name, map(str, decisions))}Rename the parameter, or add the decision {name!r} to the space.",
    )

"""What rules universes out, and what makes a decision apply: rules on option labels, as functions or as data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from multiverse.space.condition import When
from multiverse.space.decision import Decision

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

    @property
    def why(self) -> str:
        """The rule as a reader is told: where the decision applies."""
        return f"{self.decision} only when {said(self.rule)}"

    def __str__(self) -> str:
        return f"only_when({self.decision!r})"


@dataclass(frozen=True)
class Link:
    """Lets decisions move together: those of them that apply take options at the same place of `labels`.

    labels: (decision, option), the options of each decision in order when the link was made; () of an unknown one.
    """

    decisions: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]

    @property
    def why(self) -> str:
        """The rule as a reader is told."""
        return f"{' and '.join(map(str, self.decisions))} move together"

    def __str__(self) -> str:
        return f"link({', '.join(map(repr, self.decisions))})"


@dataclass(frozen=True)
class OptionRule:
    """What one option asks of other decisions; it rules out the universes with the option where this is not so.

    needed: whether `rule` must be true beside the option (`requires`), or must not be (`incompatible_with`).
    """

    decision: str
    label: str
    rule: Ask
    needed: bool

    @property
    def why(self) -> str:
        """The rule as a reader is told."""
        if isinstance(self.rule, When):
            named = " or ".join(f"{name}={label!r}" for name, labels in self.rule.items() for label in labels)
            return f"{self} {'requires' if self.needed else 'does not go with'} {named}"
        return f"{self} {'requires' if self.needed else 'is ruled out by'} {said(self.rule)}"

    def __str__(self) -> str:
        return f"{self.decision}={self.label!r}"


Declared = Forbid | OnlyWhen
Rule = Forbid | OnlyWhen | Link | OptionRule


class Arguments(NamedTuple):
    """The decisions a rule asks for, by how they must be passed."""

    positional: tuple[str, ...]
    keyword: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All decisions the rule asks for, in the order of its parameters."""
        return self.positional + self.keyword

    def holds(self, rule: Ask, labels: Sequence[str | None]) -> bool:
        """The rule's answer to these labels, in the order of `names`; false where it raises.

        Of a sound space it raises only for labels that other rules keep apart, else `Space.check` would say so.
        """
        first = len(self.positional)
        try:
            return bool(rule(*labels[:first], **dict(zip(self.keyword, labels[first:], strict=True))))
        except Exception:  # the user's code may raise anything
            return False


class RuledOut(NamedTuple):
    """How many universes a rule takes away, after the rules before it took theirs."""

    rule: Rule
    universes: int


def option_rules(decisions: Mapping[str, Decision]) -> Iterator[OptionRule]:
    """What the options of these decisions ask of others; rules as data one decision at a time."""
    for name, decision in decisions.items():
        for option in decision.options:
            for rule, needed in ((option.requires, True), (option.incompatible_with, False)):
                if isinstance(rule, When):
                    for other, labels in rule.items():
                        yield OptionRule(name, option.label, When({other: labels}), needed)
                elif callable(rule):
                    yield OptionRule(name, option.label, rule, needed)


def told(rule: Rule) -> str:
    """A rule as messages name it: as it was written, or for an option's rule what it says."""
    return f"the rule that {rule.why}" if isinstance(rule, OptionRule) else str(rule)


def said(rule: Ask) -> str:
    """A rule as a reader is told: the condition, or what a function looks at."""
    if isinstance(rule, When):
        return str(rule)
    try:
        names = [p.name for p in inspect.signature(rule).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        names = []
    return f"a rule on {' and '.join(names)}" if names else "a rule that cannot be asked"

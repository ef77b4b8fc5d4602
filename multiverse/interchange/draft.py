"""What a file says of a space, before it is known to be sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from multiverse.errors import Problem, near_miss
from multiverse.interchange.conditions import Condition
from multiverse.interchange.pairs import Choice, Limit
from multiverse.space.option import NOTHING
from multiverse.space.rules import Ask

OTHER_KIND = "decision"  # the kind of a decision that a file does not give one


@dataclass
class DraftOption:
    """An option as it was read; where: its place in the file, for messages."""

    label: str
    value: Any
    where: str
    why: str | None = None
    plausibility: float | None = None
    requires: Any = NOTHING
    incompatible_with: Any = NOTHING


@dataclass
class DraftDecision:
    """A decision as it was read. reference: the label; None for the first."""

    name: str
    where: str
    kind: str = OTHER_KIND
    options: list[DraftOption] = field(default_factory=list)
    reference: str | None = None
    rationale: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its options, in order."""
        return tuple(option.label for option in self.options)

    def option(self, label: str) -> DraftOption:
        """The option of this label, which it has."""
        return next(option for option in self.options if option.label == label)


class Placed(NamedTuple):
    """What the file asks of two decisions, and where it says so."""

    limit: Limit
    where: str


@dataclass
class Draft:
    """A file as it was read: decisions by name; what it says in its own words; the mistakes found so far.

    nowhere: options that it excludes -> reason.
    whens: decision -> the conditions under which it applies, and the rule that they are.
    conditional: whether the format knows decisions that do not apply everywhere.
    broken: names of decisions that could not be read, which was told.
    """

    file: str
    decisions: dict[str, DraftDecision] = field(default_factory=dict)
    limits: list[Placed] = field(default_factory=list)
    nowhere: dict[Choice, str] = field(default_factory=dict)
    whens: dict[str, tuple[tuple[Condition, ...], Ask]] = field(default_factory=dict)
    conditional: bool = False
    broken: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, where: str, what: str, expected: str, mend: str) -> None:
        """Note a mistake at a place of the file."""
        place = f"{self.file}, {where}" if where else self.file
        self.problems.append(Problem(f"{place}: {what}", expected, mend))

    def table(
        self,
        told: Any,
        where: str,
        known: tuple[str, ...] | None = None,
        at: Callable[[str], str] | None = None,
    ) -> dict[Any, Any]:
        """A table of the file without the keys that are not known there, which are mistakes; {} where it is none.

        at: the place of a key in it, where that is known.
        """
        if told is None:
            return {}
        if not isinstance(told, dict):
            self.wrong(
                where, f"{told!r} is no table.", "keys with values", "Write it as `key: value`, or `key = value`."
            )
            return {}
        for word in told:
            if known is not None and word not in known:
                self.wrong(
                    at(word) if at else where,
                    f"{word!r} means nothing here.",
                    f"one of: {', '.join(known)}",
                    f"{near_miss(str(word), known)}Rename it, or remove it.",
                )
        return {word: value for word, value in told.items() if known is None or word in known}

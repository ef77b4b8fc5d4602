"""Continuous ranges: a decision whose options are points of a range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from multiverse.errors import Problem, SpaceError, near_miss
from multiverse.space.decision import Decision, decision

SCALES: Final = ("linear", "log")
POINTS_MOST: Final = 16_384  # 2^14 options of a decision; each is fingerprinted
PRECISION: Final = 12  # significant digits of a value: another machine's exp and log give the same ones, and so its key
DIGITS: Final = range(3, 18)  # significant digits of a label: few, and at most those that tell any two floats apart
SAME: Final = 1e-9  # a part of the range: a reference this close to a point of the grid is that point
EXAMPLE: Final = 'between(0.1, 10, scale="log", reference=1)'


@dataclass(frozen=True)
class Range:
    """The values between two ends, on a linear or logarithmic scale, and the one that would have been published.

    Made by `between`. It becomes a decision by `grid`, or together with other ranges by `sobol`.
    """

    low: float
    high: float
    scale: str = "linear"
    reference: float | None = None
    kind: str = "prior"

    def __post_init__(self) -> None:
        if problems := self._mistakes():
            raise SpaceError(problems)

    def at(self, share: float) -> float:
        """The value this part of the way from low (0) to high (1), on the scale of the range, to PRECISION digits."""
        if share <= 0 or share >= 1:
            return float(self.low if share <= 0 else self.high)
        if self.scale == "log":
            value = math.exp((1 - share) * math.log(self.low) + share * math.log(self.high))
        else:
            value = (1 - share) * self.low + share * self.high
        return min(max(float(f"{value:.{PRECISION}g}"), self.low), self.high)

    @property
    def usual(self) -> float:
        """The reference; the middle of the range on its scale if none was given."""
        return self.at(0.5) if self.reference is None else float(self.reference)

    def grid(self, n: int) -> Decision:
        """A decision of `n` values at equal steps on the scale of the range, both ends among them, in order.

        A reference that is not on the grid is one option more; if none was given, it is the grid's value nearest to the
        middle. The grid of 2n - 1 has the values of the grid of n. Values are floats, so they share a program. Raises
        SpaceError unless n is a whole number from 2 to POINTS_MOST.
        """
        if problems := check_points("grid", n, least=2):
            raise SpaceError(problems)
        values = [self.at(i / (n - 1)) for i in range(n)]
        if self.reference is None:
            return as_decision(values, self.kind, reference=(n - 1) // 2)
        near = SAME * (self.high - self.low)
        values = sorted([self.usual, *(value for value in values if abs(value - self.usual) > near)])
        return as_decision(values, self.kind, reference=values.index(self.usual))

    def _mistakes(self) -> list[Problem]:
        ends, problems = f"from {self.low!r} to {self.high!r}", []
        if self.scale not in SCALES:
            mend = f'{near_miss(str(self.scale), SCALES)}scale="log"'
            problems.append(Problem(f"the range {ends} has the scale {self.scale!r}.", "'linear' or 'log'", mend))
        if not (_is_number(self.low) and _is_number(self.high) and self.low < self.high):
            expected = "two finite numbers, the smaller first"
            problems.append(Problem(f"the range goes {ends}.", expected, f"Write `{EXAMPLE}`"))
        elif self.scale == "log" and self.low <= 0:
            mend = f'Write `{EXAMPLE}`, or scale="linear"'
            problems.append(Problem(f"the range {ends} has the scale 'log'.", "ends above 0", mend))
        elif self.reference is not None and not self._has(self.reference):
            what = f"the reference {self.reference!r} is not in the range {ends}."
            problems.append(Problem(what, "a number in the range", f"reference={self.at(0.5):.3g}, or a wider range"))
        return problems

    def _has(self, value: object) -> bool:
        return _is_number(value) and self.low <= value <= self.high


def between(
    low: float, high: float, *, scale: str = "linear", reference: float | None = None, kind: str = "prior"
) -> Range:
    """A continuous range: `between(0.1, 10, scale="log", reference=1).grid(5)` is a decision of five values.

    scale: "linear" or "log", on which points are spread evenly. reference: the value in the analysis that would have
    been published; the middle of the range on its scale if not given. kind: of the decision. For several ranges at once
    see `sobol`. Raises SpaceError with all mistakes found.
    """
    return Range(low, high, scale, reference, kind)


def as_decision(values: Sequence[float], kind: str, reference: int = 0) -> Decision:
    """A decision with these values, labelled in few digits. Raises SpaceError where two of them are the same float."""
    if len(set(values)) < len(values):
        what = f"{len(values):,} points between {min(values)!r} and {max(values)!r} are not all different numbers."
        raise SpaceError(Problem(what, "a range that is wide enough for its points", "Take fewer points"))
    labels = labels_of(values)
    return decision(kind, dict(zip(labels, values, strict=True)), reference=labels[reference])


def labels_of(values: Iterable[float]) -> list[str]:
    """Different numbers as different labels: in three digits, or where these are taken in as many as it needs.

    A label hangs on its own value and those before it only: values that are added at the end change no label.
    """
    labels: dict[str, None] = {}
    for value in values:
        texts = (text for digits in DIGITS for text in _in_digits(value, digits))
        labels[next(text for text in texts if text not in labels)] = None
    return list(labels)


def check_points(what: str, n: object, least: int) -> list[Problem]:
    """What is wrong with a number of points."""
    if isinstance(n, int) and not isinstance(n, bool) and least <= n <= POINTS_MOST:
        return []
    return [Problem(f"{what} is to have {n!r} points.", f"a whole number from {least} to {POINTS_MOST:,}", "n=16")]


def _in_digits(value: float, digits: int) -> list[str]:
    """`0.316`, `12300`, `1e-05`: so many significant digits, without an exponent where it can be; then with zeros."""
    text = f"{float(f'{value:.{digits}g}'):.{max(digits, 15)}g}"
    texts = ["0" if text == "-0" else text]
    zeros = f"{value:#.{digits}g}"
    if "e" not in zeros and not zeros.endswith("."):
        texts.append(zeros)
    return texts


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

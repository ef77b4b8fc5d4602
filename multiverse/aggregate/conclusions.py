"""What universes conclude: where the median and the interval lie against zero, a threshold, a region of equivalence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.intervals import NONE, Kinds
from multiverse.errors import Problem, ResultError

UNSURE = 2.0  # Monte Carlo errors between a number and a bound, below which another run may find it beyond
# Standard error of a quantile in those of the mean, sqrt(p (1 - p)) / density at it: of a normal posterior.
QUANTILE_ERROR = {"median": 1.2533, "q2_5": 2.6713, "q97_5": 2.6713}


@dataclass(frozen=True)
class Asked:
    """What is asked of each universe beside zero. above, below: thresholds; rope: the two ends of a region.

    Raises ResultError for a threshold that is not a finite number, or a rope whose ends are not in order.
    """

    above: float | None = None
    below: float | None = None
    rope: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        problems = [
            Problem(f"{name} is {value!r}", "a finite number on the estimand's scale", f"{name}=0.1")
            for name, value in (("above", self.above), ("below", self.below))
            if value is not None and not math.isfinite(value)
        ]
        rope = self.rope
        if rope is not None and not (len(rope) == 2 and -math.inf < rope[0] < rope[1] < math.inf):
            problems.append(Problem(f"rope is {rope!r}", "two finite ends, the smaller first", "rope=(-0.1, 0.1)"))
        if problems:
            raise ResultError(problems)


class Answers(NamedTuple):
    """What each universe says on one question: `subject` is "median", "estimate" or "interval".

    said: (rows,) the answer in words that follow the subject, None where it has none (no interval); claims: the answers
    that are stated, in order.
    """

    subject: str
    said: np.ndarray
    claims: tuple[str, ...]


class Conclusion(NamedTuple):
    """`Answers`, and nearby: what would be said with numbers moved as far as Monte Carlo error may move them."""

    subject: str
    said: np.ndarray
    claims: tuple[str, ...]
    nearby: tuple[np.ndarray, ...]

    @property
    def known(self) -> np.ndarray:
        """(rows,) has it an answer?"""
        return np.array([word is not None for word in self.said], dtype=bool)

    @property
    def sure(self) -> np.ndarray:
        """(rows,) False where Monte Carlo error may turn the answer."""
        same: np.ndarray = np.all([said == self.said for said in self.nearby], axis=0)
        return same

    def unsure_of(self, answer: str) -> np.ndarray:
        """(rows,) whether Monte Carlo error may make this answer of another, or another of this."""
        turned: np.ndarray = np.any([(said == answer) != (self.said == answer) for said in self.nearby], axis=0)
        return turned


def conclusions(rows: pd.DataFrame, asked: Asked, kinds: Kinds) -> Iterator[Conclusion]:
    """Every conclusion of these universes, the sign of the median first; kinds: of their intervals.

    Of a number without interval only the number itself is held to zero, a threshold and, where no universe has an
    interval, the rope. Source of the rope rule (interval inside, outside or astride): Kruschke 2018, Advances in
    Methods and Practices in Psychological Science 1(2):270-280, doi:10.1177/2515245918771304.
    """
    told = (rows["interval"] != NONE).to_numpy()
    error = UNSURE * np.nan_to_num(rows["mcse_mean"].to_numpy())

    def moved(low: int, high: int) -> Iterator[Answers]:
        """What is said where the ends of intervals move by so many of these errors, and the median as the lower end."""
        median, start, end = (
            rows[name].to_numpy() + by * QUANTILE_ERROR[name] * error
            for name, by in (("median", low), ("q2_5", low), ("q97_5", high))
        )
        return _answers(median, start, end, told, asked, kinds)

    for own, *nearby in zip(*(moved(*by) for by in ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))), strict=True):
        yield Conclusion(own.subject, own.said, own.claims, tuple(other.said for other in nearby))


def _answers(
    median: np.ndarray, low: np.ndarray, high: np.ndarray, told: np.ndarray, asked: Asked, kinds: Kinds
) -> Iterator[Answers]:
    middle = kinds.middle("median", "estimate")
    intervals = bool(kinds.told or not kinds.none)

    def of_interval(masks: dict[str, np.ndarray], claims: tuple[str, ...]) -> Answers:
        said = np.select(list(masks.values()), list(masks), default="").astype(object)
        said[~told] = None
        return Answers("interval", said, claims)

    yield Answers(middle, _words(np.sign(median), {1.0: "above zero", -1.0: "below zero", 0.0: "zero"}), ())
    if intervals:
        above, below = low > 0, high < 0
        masks = {"above zero": above, "below zero": below, "holds zero": ~above & ~below}
        yield of_interval(masks, tuple(masks))
    for word, bound in (("above", asked.above), ("below", asked.below)):
        if bound is None:
            continue
        yes, no = f"{word} {bound:g}", f"not {word} {bound:g}"
        beyond = median > bound if word == "above" else median < bound
        yield Answers(middle, _words(beyond, {True: yes, False: no}), (yes,))
        if intervals:
            whole = low > bound if word == "above" else high < bound
            yield of_interval({yes: whole, no: ~whole}, (yes,))
    if asked.rope is not None:
        start, end = asked.rope
        words = [f"{place} {start:g} to {end:g}" for place in ("inside", "outside", "astride")]
        inside, outside = (low >= start) & (high <= end), (high < start) | (low > end)
        if intervals:
            masks = dict(zip(words, (inside, outside, ~inside & ~outside), strict=True))
            yield of_interval(masks, tuple(words))
        else:
            within = (median >= start) & (median <= end)
            yield Answers(middle, _words(within, {True: words[0], False: f"not {words[0]}"}), (words[0],))


def _words(values: np.ndarray, words: dict[float, str] | dict[bool, str]) -> np.ndarray:
    said = np.empty(len(values), dtype=object)
    for value, word in words.items():
        said[values == value] = word
    return said

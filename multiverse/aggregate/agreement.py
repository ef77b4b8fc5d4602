"""How many universes say the same as the reference, as a threshold, or as a region of practical equivalence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import collapse
from multiverse.aggregate.estimates import Counts, Estimates
from multiverse.aggregate.intervals import NONE, Kinds, kinds_of
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.errors import Problem, ResultError


@dataclass(frozen=True)
class Claim:
    """One statement about a universe, and how many universes it is true of.

    `share` is of the green universes (`true` of `n` distinct analyses), `share_with_red` of all that have numbers;
    NaN where there are none. Of intervals nothing is said where a universe has none: it is not among the `n`.
    `reference`: is it true of the reference universe (None if it has no numbers, or none that tell).
    """

    text: str
    true: int
    n: int
    share: float
    share_with_red: float
    reference: bool | None


@dataclass(frozen=True, repr=False)
class Agreement(Shown):
    """Claims about one estimand with the share of universes that agree; `agreement["median above 0"]` gives one.

    `kinds`: the kinds of interval of the distinct analyses. A claim about the middle says "median" of posteriors and
    "estimate" of analyses that are not Bayesian.
    """

    estimand: str
    counts: Counts
    claims: tuple[Claim, ...]
    kinds: Kinds
    notes: tuple[str, ...] = ()

    def __getitem__(self, text: str) -> Claim:
        """The claim with this text; ResultError if there is none."""
        for claim in self.claims:
            if claim.text == text:
                return claim
        listed = ", ".join(repr(claim.text) for claim in self.claims)
        raise ResultError(Problem(f"no claim {text!r}", f"one of {listed}", "copy one of these texts"))

    def printed(self) -> Printed:
        """A row a claim: its share, the share with red universes, whether the reference agrees."""
        words = {True: "yes", False: "no", None: "-"}
        rows = tuple(
            (claim.text, percent(claim.share), percent(claim.share_with_red), words[claim.reference])
            for claim in self.claims
        )
        n = max((claim.n for claim in self.claims), default=0)
        notes = (f"{count(n, 'distinct analysis')}; {self.kinds}", *self.notes)
        header = ("", "agree", "with red", "reference")
        return Printed(f"Agreement on {self.estimand!r}: {self.counts}", header, rows, notes)


def agreement(
    estimates: Estimates,
    *,
    above: float | None = None,
    below: float | None = None,
    rope: tuple[float, float] | None = None,
) -> Agreement:
    """Share of universes that agree on sign, on a threshold and on practical equivalence, with and without red ones.

    above, below: thresholds, on the estimand's scale, of interest to the reader; rope: the region of practical
    equivalence, its two ends. Each distinct analysis weighs the same. Always answered: the sign of the reference
    universe's median and where the 95% interval lies against zero. Of a number without interval only the number itself
    is held to a sign, a threshold and, where no universe has an interval, the rope. Raises ResultError for a threshold
    that is not a finite number or a rope whose ends are not in order. Source of the rope rule (interval inside, outside
    or astride): Kruschke 2018, Advances in Methods and Practices in Psychological Science 1(2):270-280,
    doi:10.1177/2515245918771304.
    """
    _check(above, below, rope)
    own = estimates.with_numbers[estimates.with_numbers["reference"]]
    green = collapse(estimates.green, estimates.decisions)
    every = collapse(estimates.with_numbers, estimates.decisions)
    sign = float(np.sign(own["median"].iloc[0])) if len(own) else math.nan
    kinds = kinds_of(green) if len(green) else estimates.kinds
    asked = _Asked(sign, above, below, rope, kinds)
    answers = [dict(_claims(rows, asked)) for rows in (green, every, own)]
    claims = tuple(
        Claim(
            text,
            true=int((mask == 1).sum()),
            n=int(np.isfinite(mask).sum()),
            share=_share(mask),
            share_with_red=_share(answers[1][text]),
            reference=bool(answers[2][text][0]) if np.isfinite(answers[2][text]).any() else None,
        )
        for text, mask in answers[0].items()
    )
    return Agreement(estimates.estimand, estimates.counts, claims, kinds, _notes(own, kinds))


class _Asked(NamedTuple):
    sign: float
    above: float | None
    below: float | None
    rope: tuple[float, float] | None
    kinds: Kinds


def _claims(rows: pd.DataFrame, asked: _Asked) -> Iterator[tuple[str, np.ndarray]]:
    """Text and, for each row, 1 (true), 0 (false) or NaN (its interval is not known)."""
    sign, above, below, rope, kinds = asked
    point = kinds.middle("median", "estimate")
    median, low, high = (rows[name].to_numpy() for name in ("median", "q2_5", "q97_5"))
    told = (rows["interval"] != NONE).to_numpy()

    def of_interval(text: str, mask: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        if kinds.told or not kinds.none:
            yield f"interval {text}", np.where(told, mask, np.nan)

    if math.isfinite(sign):
        yield f"{point} of the reference universe's sign", (np.sign(median) == sign).astype(float)
    yield from of_interval("above zero", low > 0)
    yield from of_interval("below zero", high < 0)
    yield from of_interval("holds zero", (low <= 0) & (high >= 0))
    if above is not None:
        yield f"{point} above {above:g}", (median > above).astype(float)
        yield from of_interval(f"above {above:g}", low > above)
    if below is not None:
        yield f"{point} below {below:g}", (median < below).astype(float)
        yield from of_interval(f"below {below:g}", high < below)
    if rope is not None:
        ends = f"{rope[0]:g} to {rope[1]:g}"
        inside, outside = (low >= rope[0]) & (high <= rope[1]), (high < rope[0]) | (low > rope[1])
        yield from of_interval(f"inside {ends}", inside)
        yield from of_interval(f"outside {ends}", outside)
        yield from of_interval(f"astride {ends}", ~inside & ~outside)
        if kinds.none and not kinds.told:
            yield f"{point} inside {ends}", ((median >= rope[0]) & (median <= rope[1])).astype(float)


def _notes(own: pd.DataFrame, kinds: Kinds) -> tuple[str, ...]:
    unknown = []
    if kinds.none:
        some, nothing = "what is said of intervals is of the universes that have one", "nothing is said of intervals"
        unknown = [some if kinds.told else f"no universe told its uncertainty: {nothing}"]
    if own.empty:
        return (*unknown, "the reference universe has no numbers: nothing is compared with it")
    row = own.iloc[0]
    red = "" if row["ok"] else ", red"
    ends = "" if row["interval"] == NONE else f" ({number(row['q2_5'])} to {number(row['q97_5'])})"
    return (*unknown, f"reference universe: {number(row['median'])}{ends}{red}")


def _share(mask: np.ndarray) -> float:
    known = mask[np.isfinite(mask)]
    return float(known.mean()) if len(known) else math.nan


def _check(above: float | None, below: float | None, rope: tuple[float, float] | None) -> None:
    problems = [
        Problem(f"{name} is {value!r}", "a finite number on the estimand's scale", f"agreement({name}=0.1)")
        for name, value in (("above", above), ("below", below))
        if value is not None and not math.isfinite(value)
    ]
    if rope is not None and not (len(rope) == 2 and -math.inf < rope[0] < rope[1] < math.inf):
        problems.append(
            Problem(f"rope is {rope!r}", "two finite ends, the smaller first", "agreement(rope=(-0.1, 0.1))")
        )
    if problems:
        raise ResultError(problems)

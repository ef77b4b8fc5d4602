"""How many universes say the same as the reference, as a threshold, or as a region of practical equivalence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import collapse
from multiverse.aggregate.estimates import Counts, Estimates
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.errors import Problem, ResultError


@dataclass(frozen=True)
class Claim:
    """One statement about a universe, and how many universes it is true of.

    `share` is of the green universes (`true` of `n` distinct analyses), `share_with_red` of all that have numbers;
    NaN where there are none. `reference`: is it true of the reference universe (None if it has no numbers).
    """

    text: str
    true: int
    n: int
    share: float
    share_with_red: float
    reference: bool | None


@dataclass(frozen=True, repr=False)
class Agreement(Shown):
    """Claims about one estimand with the share of universes that agree; `agreement["median above 0"]` gives one."""

    estimand: str
    counts: Counts
    claims: tuple[Claim, ...]
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
        n = self.claims[0].n if self.claims else 0
        notes = (f"{count(n, 'distinct analysis')}; intervals hold 95% of a posterior", *self.notes)
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
    universe's median and where the 95% interval lies against zero. Raises ResultError for a threshold that is not a
    finite number or a rope whose ends are not in order. Source of the rope rule (interval inside, outside or astride):
    Kruschke 2018, Advances in Methods and Practices in Psychological Science 1(2):270-280,
    doi:10.1177/2515245918771304.
    """
    _check(above, below, rope)
    own = estimates.with_numbers[estimates.with_numbers["reference"]]
    green = collapse(estimates.green, estimates.decisions)
    every = collapse(estimates.with_numbers, estimates.decisions)
    sign = float(np.sign(own["median"].iloc[0])) if len(own) else math.nan
    answers = [dict(_claims(rows, sign, above, below, rope)) for rows in (green, every, own)]
    claims = tuple(
        Claim(
            text,
            true=int(mask.sum()),
            n=len(mask),
            share=_share(mask),
            share_with_red=_share(answers[1][text]),
            reference=bool(answers[2][text][0]) if len(own) else None,
        )
        for text, mask in answers[0].items()
    )
    return Agreement(estimates.estimand, estimates.counts, claims, _notes(own))


def _claims(
    rows: pd.DataFrame, sign: float, above: float | None, below: float | None, rope: tuple[float, float] | None
) -> Iterator[tuple[str, np.ndarray]]:
    median, low, high = (rows[name].to_numpy() for name in ("median", "q2_5", "q97_5"))
    if math.isfinite(sign):
        yield "median of the reference universe's sign", np.sign(median) == sign
    yield "interval above zero", low > 0
    yield "interval below zero", high < 0
    yield "interval holds zero", (low <= 0) & (high >= 0)
    if above is not None:
        yield f"median above {above:g}", median > above
        yield f"interval above {above:g}", low > above
    if below is not None:
        yield f"median below {below:g}", median < below
        yield f"interval below {below:g}", high < below
    if rope is not None:
        ends = f"{rope[0]:g} to {rope[1]:g}"
        inside, outside = (low >= rope[0]) & (high <= rope[1]), (high < rope[0]) | (low > rope[1])
        yield f"interval inside {ends}", inside
        yield f"interval outside {ends}", outside
        yield f"interval astride {ends}", ~inside & ~outside


def _notes(own: pd.DataFrame) -> tuple[str, ...]:
    if own.empty:
        return ("the reference universe has no numbers: nothing is compared with it",)
    row = own.iloc[0]
    red = "" if row["ok"] else ", red"
    return (f"reference universe: {number(row['median'])} ({number(row['q2_5'])} to {number(row['q97_5'])}){red}",)


def _share(mask: np.ndarray) -> float:
    return float(mask.mean()) if len(mask) else math.nan


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

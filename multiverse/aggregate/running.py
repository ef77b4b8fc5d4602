"""What a run that is under way tells of the whole multiverse: the share that agrees and the median, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.conclusions import Asked, conclusions
from multiverse.aggregate.estimates import Counts
from multiverse.aggregate.intervals import kinds_of
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.aggregate.running_intervals import (
    median_of,
    sampled_median,
    sampled_share,
    share_of,
    worst_median,
    worst_share,
)
from multiverse.aggregate.running_limits import LEVEL
from multiverse.aggregate.running_sample import Sample
from multiverse.aggregate.verified import unverified

OF_SAMPLE: Final = ("stratum", "batch", "weight", "source")
COLUMNS: Final = (*OF_SAMPLE, "reference", "ok", "interval", "median", "mcse_mean", "q2_5", "q97_5")

COMPLETE: Final = "complete"  # every universe is answered: nothing is left to guess
SAMPLING: Final = "sampling"  # a confidence interval: batches ran in a random order
WORST: Final = "worst case"  # bounds: whatever the missing universes say


class Bounded(NamedTuple):
    """A number as it is so far, and between which it will lie when all are answered. with_red: red ones counted too."""

    value: float
    low: float
    high: float
    with_red: float

    @property
    def width(self) -> float:
        """From one end to the other; infinite where an end is."""
        return self.high - self.low


@dataclass(frozen=True, repr=False)
class Running(Shown):
    """The running summary of one estimand; `running.share` and `running.median` are its numbers.

    `claim`: what the share is of. `interval`: which kind the intervals are: "sampling" (a confidence interval of 95%),
    "worst case" (bounds that must hold) or "complete" (no interval is left); `why` says why. `batches`: how many
    finished ones a sampling interval rests on. A median is not bounded (infinite) while more than half are missing.
    """

    estimand: str
    counts: Counts
    claim: str
    share: Bounded
    median: Bounded
    interval: str
    why: str
    batches: int
    middle: str = "median"
    notes: tuple[str, ...] = ()

    @property
    def answered(self) -> int:
        """Universes answered for good."""
        return self.counts.green + self.counts.red

    def printed(self) -> Printed:
        """A row for the share, a row for the median: so far, when all are answered, with red ones."""
        share, median, over = self.share, self.median, self.interval == COMPLETE
        of_share = "-" if over else f"{percent(share.low)} to {percent(share.high)}"
        of_median = "-" if over else f"{_end(median.low)} to {_end(median.high)}"
        rows = (
            (self.claim, percent(share.value), of_share, percent(share.with_red)),
            (f"median of the {self.middle}s", number(median.value), of_median, number(median.with_red)),
        )
        ends = f"{LEVEL:.0%} interval" if self.interval == SAMPLING else "bounds"
        answered = f"{self.answered:,} of {count(self.counts.planned, 'universe')} answered"
        title = f"Running summary of {self.estimand!r}: {answered}: {self.counts.green:,} green, "
        title += f"{self.counts.red:,} red left out"
        return Printed(title, ("", "so far", f"{ends}, all answered", "with red"), rows, (self.why, *self.notes)).said()


def running(estimand: str, universes: pd.DataFrame, *, one_shot: bool, verified_by: str = "") -> Running:
    """The running summary of an estimand from all planned universes, answered or not.

    universes: a row per planned universe, with `COLUMNS`. stratum: a number for each program (`running_sample.KNOWN`:
    of those that cannot be answered); batch: a number for the batch of its final answer, `MISSING` where there is none;
    weight: one over the number of planned universes that differ from it in parameterization only, itself included, so
    that together they count once, red or not; source: as in `Sample`; the other columns as in `Estimates`, of the final
    answer. one_shot: does the engine ask once, in a random order? If not, only bounds are told. verified_by: as in
    `Estimates`.
    """
    sample = Sample(*(universes[name].to_numpy() for name in OF_SAMPLE))
    median = universes["median"].to_numpy(dtype=float)
    numbers = sample.answered & np.isfinite(median)
    green = numbers & universes["ok"].to_numpy(dtype=bool)
    claim, middle, agree = _claim(universes, numbers, green)
    sampled = one_shot and sample.degrees > 0 and bool((green & sample.covered).any())
    share, middles = (
        (sampled_share(sample, green, agree), sampled_median(sample, green, median))
        if sampled
        else (worst_share(sample, green, agree), worst_median(sample, green, median))
    )
    times = sample.weights if sampled else sample.weight
    with_red = (share_of(times, numbers, agree), median_of(times, numbers, median))
    missing = int((~sample.answered).sum())
    kind = COMPLETE if not missing else SAMPLING if sampled else WORST
    red = sample.answered & ~universes["ok"].to_numpy(dtype=bool)
    counts = Counts(len(universes), int((sample.answered & ~red).sum()), int(red.sum()), int((red & ~numbers).sum()))
    clusters = sample.clusters if kind == SAMPLING else len(np.unique(sample.batch[sample.answered]))
    return Running(
        estimand,
        counts,
        claim,
        Bounded(*share, with_red[0]),
        Bounded(*middles, with_red[1]),
        kind,
        _why(kind, sample, one_shot, missing),
        clusters,
        middle,
        (*_notes(universes, sample, numbers, beyond=sampled), *filter(None, [unverified(verified_by)])),
    )


def _claim(universes: pd.DataFrame, numbers: np.ndarray, green: np.ndarray) -> tuple[str, str, np.ndarray]:
    """What the share is of, what is in the middle of intervals, and (n,) of whom it is true."""
    rows = universes[numbers]
    kinds = kinds_of(universes[green]) if green.any() else kinds_of(rows)
    sign = next(conclusions(rows, Asked(), kinds))
    own = sign.said[rows["reference"].to_numpy(dtype=bool)]
    agree = np.zeros(len(universes), dtype=bool)
    agree[numbers] = sign.said == (own[0] if len(own) else "above zero")
    text = "of the reference universe's sign" if len(own) else "above zero"
    return f"{sign.subject} {text}", sign.subject, agree


def _why(kind: str, sample: Sample, one_shot: bool, missing: int) -> str:
    if kind == COMPLETE:
        return "every universe is answered: there is nothing left to guess"
    left = f"{count(missing, 'universe')} missing"
    if kind == SAMPLING:
        return (
            f"{LEVEL:.0%} confidence, {left}: batches run in a random order; finished ones are clusters "
            f"({sample.clusters:,}), their programs strata ({sample.strata:,})"
        )
    if not one_shot:
        return f"bounds, not confidence intervals, {left}: the engine adapts, and easy universes finish first"
    return f"bounds, not confidence intervals, {left}: too few batches are finished to tell how they vary"


def _notes(universes: pd.DataFrame, sample: Sample, numbers: np.ndarray, *, beyond: bool) -> Iterator[str]:
    if not universes["reference"].to_numpy(dtype=bool)[numbers].any():
        yield "the reference universe has no numbers yet, so that its sign is not known"
    if beyond and (some := int((~sample.answered & ~sample.covered).sum())):
        yield f"{count(some, 'universe')}, of programs that are hardly begun, counted by the worst case"
    if (sample.weight < 1).any():
        yield "universes that differ only in parameterization share the weight of one"


def _end(value: float) -> str:
    return number(value) if np.isfinite(value) else ("\N{MINUS SIGN}" if value < 0 else "") + "\N{INFINITY}"

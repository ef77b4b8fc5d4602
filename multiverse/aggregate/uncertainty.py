"""Within, between and total variance over universes, and the share of it that a single analysis hides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import collapse
from multiverse.aggregate.estimates import Counts, Estimates
from multiverse.aggregate.intervals import NONE, Kinds, kinds_of
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.aggregate.sources import SOURCE, error_of_sums
from multiverse.aggregate.weigh import NOTES, WEIGHT


@dataclass(frozen=True, repr=False)
class Uncertainty(Shown):
    """Variance of the equal mixture of all universes' posteriors, in squared units of the estimand, by the law of
    total variance.

    `within`: mean of the posterior variances, what a single analysis shows. `between`: variance of the posterior means
    over universes (divisor n where they weigh the same), after the Monte Carlo variance `monte_carlo` was taken out,
    and at least 0 (`clipped` says whether that bound was needed). `n`: distinct analyses, parameterizations averaged.
    `notes`: how they weigh, where not all the same. NaN if no universe counts. `with_red`: the same with red universes
    that have numbers; None where there are none. Source: Draper 1995, J. R. Stat. Soc. B 57(1):45-97,
    doi:10.1111/j.2517-6161.1995.tb02015.x, section 4.

    Where intervals are confidence intervals, `within` is the mean of the squared standard errors (Young and Holsteen
    2017, Sociological Methods & Research 46(1):3-40, doi:10.1177/0049124115610347: the total standard error). `kinds`:
    the kinds of interval of the `n`. What tells no uncertainty has an unknown variance, not none: all numbers are over
    the `kinds.told` analyses that tell theirs, `between_all` alone is over all `n`. Where none tells, `within` and
    what rests on it are NaN, and `between` is over all.
    """

    estimand: str
    counts: Counts
    n: int
    within: float
    between: float
    monte_carlo: float
    clipped: bool
    between_all: float
    kinds: Kinds
    notes: tuple[str, ...] = ()
    with_red: Uncertainty | None = None

    @property
    def total(self) -> float:
        """Variance of the mixture: within + between."""
        return self.within + self.between

    @property
    def hidden(self) -> float:
        """Share of the total variance that a single analysis hides: between / total, 0 where there is no variance."""
        return self.between / self.total if self.total != 0 else 0.0

    @property
    def within_sd(self) -> float:
        """Root of `within`, on the estimand's scale."""
        return float(np.sqrt(self.within))

    @property
    def between_sd(self) -> float:
        """Root of `between`, on the estimand's scale."""
        return float(np.sqrt(self.between))

    @property
    def total_sd(self) -> float:
        """Root of `total`, on the estimand's scale."""
        return float(np.sqrt(self.total))

    @property
    def n_left_out(self) -> int:
        """Universes left out: red or not answered."""
        return self.counts.left_out

    def printed(self) -> Printed:
        """Within, between and total, as variance, sd and share; the second alone where no universe tells its own."""
        between = ("between universes", number(self.between), number(self.between_sd), percent(self.hidden))
        rows: tuple[tuple[str, ...], ...] = (
            ("within universes", number(self.within), number(self.within_sd), percent(1 - self.hidden)),
            between,
            ("total", number(self.total), number(self.total_sd), percent(1.0)),
        )
        if self._alone:
            rows = (between,)
        title = f"Uncertainty of {self.estimand!r}: {self.counts}"
        return Printed(title, ("", "variance", "sd", "share"), rows, tuple(self._notes()))

    @property
    def _alone(self) -> bool:
        return self.kinds.none > 0 and not self.kinds.told

    def _notes(self) -> Iterator[str]:
        kinds, red = self.kinds, self.with_red
        if self._alone:
            yield (
                "no universe told its uncertainty; only the spread between them is known "
                f"({count(self.n, 'distinct analysis')})"
            )
        else:
            n = kinds.told if kinds.none else self.n
            yield f"a single analysis hides {percent(self.hidden)} of the variance ({count(n, 'distinct analysis')})"
        if kinds.told and kinds.none:
            yield f"{kinds.none:,} of {count(self.n, 'distinct analysis')} told no uncertainty: left out here"
            yield f"sd between all {self.n:,}: {number(self.between_all**0.5)}"
        if kinds.confidence:
            some = f" of {kinds.confidence:,} analyses" if kinds.credible else ""
            yield f"within universes: squared standard errors{some}"
        if red is not None and red._alone:
            yield f"with the red universes that have numbers: sd between universes {number(red.between_sd)}"
        elif red is not None:
            yield f"with the red universes that have numbers: {percent(red.hidden)}, total sd {number(red.total_sd)}"
        if self.kinds.bayesian or self.monte_carlo > 0:
            yield f"Monte Carlo variance {number(self.monte_carlo)} was taken out of the variance between universes"
        if self.clipped:
            yield "it was the larger of the two: the variance between universes is set to 0"
        yield from self.notes


def uncertainty(estimates: Estimates) -> Uncertainty:
    """Within, between and total variance over the green universes, and beside them the same with red ones included."""
    with_red = None
    if len(estimates.with_numbers) > estimates.counts.green:
        with_red = _decompose(estimates, estimates.with_numbers, None)
    return _decompose(estimates, estimates.green, with_red)


def _decompose(estimates: Estimates, rows: pd.DataFrame, with_red: Uncertainty | None) -> Uncertainty:
    distinct = collapse(rows, estimates.decisions, estimates.weigh, estimates.links)
    told = distinct[distinct["interval"] != NONE]
    all_of = _between(distinct)
    own = _between(told) if len(told) else all_of
    return Uncertainty(
        estimates.estimand,
        estimates.counts,
        len(distinct),
        within=_within(told),
        between=own.variance,
        monte_carlo=own.noise,
        clipped=own.clipped,
        between_all=all_of.variance,
        kinds=kinds_of(distinct) if len(distinct) else estimates.kinds,
        notes=NOTES[estimates.weigh],
        with_red=with_red,
    )


def _within(told: pd.DataFrame) -> float:
    return float(np.average(told["sd"] ** 2, weights=told[WEIGHT])) if len(told) else np.nan


class _Between(NamedTuple):
    """Variance between universes with the Monte Carlo part taken out, that part, and whether it was the larger."""

    variance: float
    noise: float
    clipped: bool


def _between(distinct: pd.DataFrame) -> _Between:
    if distinct.empty:
        return _Between(np.nan, np.nan, False)
    weight = distinct[WEIGHT].to_numpy()
    weight = np.full(len(weight), 1 / len(weight)) if np.ptp(weight) == 0 else weight / weight.sum()
    mean, errors = distinct["mean"].to_numpy(), distinct["mcse_mean"].to_numpy() ** 2
    # the mean over universes takes up its part of the noise: E var(means) = between + sum(w mcse^2) - var(sum(w error))
    one = np.zeros(len(weight), dtype=np.int64)
    noise = float(weight @ errors - error_of_sums(one, 1, weight, errors, distinct[SOURCE].to_numpy())[0])
    raw = float(weight @ (mean - weight @ mean) ** 2)
    return _Between(max(0.0, raw - noise), noise, raw < noise)

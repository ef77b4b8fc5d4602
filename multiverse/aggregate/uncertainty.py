"""Within, between and total variance over universes, and the share of it that a single analysis hides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import collapse
from multiverse.aggregate.estimates import Counts, Estimates
from multiverse.aggregate.printing import Printed, Shown, count, number, percent


@dataclass(frozen=True, repr=False)
class Uncertainty(Shown):
    """Variance of the equal mixture of all universes' posteriors, in squared units of the estimand, by the law of
    total variance.

    `within`: mean of the posterior variances, what a single analysis shows. `between`: variance of the posterior means
    over universes (divisor n), after the Monte Carlo variance `monte_carlo` was taken out, and at least 0 (`clipped`
    says whether that bound was needed). `n`: distinct analyses, parameterizations averaged. NaN if no universe counts.
    `with_red`: the same with red universes that have numbers; None where there are none. Source: Draper 1995, J. R.
    Stat. Soc. B 57(1):45-97, doi:10.1111/j.2517-6161.1995.tb02015.x, section 4.
    """

    estimand: str
    counts: Counts
    n: int
    within: float
    between: float
    monte_carlo: float
    clipped: bool
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
        """Within, between and total, as variance, sd and share."""
        rows = (
            ("within universes", number(self.within), number(self.within_sd), percent(1 - self.hidden)),
            ("between universes", number(self.between), number(self.between_sd), percent(self.hidden)),
            ("total", number(self.total), number(self.total_sd), percent(1.0)),
        )
        notes = [
            f"a single analysis hides {percent(self.hidden)} of the variance ({count(self.n, 'distinct analysis')})"
        ]
        if self.with_red is not None:
            hidden, sd = percent(self.with_red.hidden), number(self.with_red.total_sd)
            notes.append(f"with the red universes that have numbers: {hidden}, total sd {sd}")
        notes.append(f"Monte Carlo variance {number(self.monte_carlo)} was taken out of the variance between universes")
        if self.clipped:
            notes.append("it was the larger of the two: the variance between universes is set to 0")
        return Printed(
            f"Uncertainty of {self.estimand!r}: {self.counts}", ("", "variance", "sd", "share"), rows, tuple(notes)
        )


def uncertainty(estimates: Estimates) -> Uncertainty:
    """Within, between and total variance over the green universes, and beside them the same with red ones included."""
    with_red = None
    if len(estimates.with_numbers) > estimates.counts.green:
        with_red = _decompose(estimates, estimates.with_numbers, None)
    return _decompose(estimates, estimates.green, with_red)


def _decompose(estimates: Estimates, rows: pd.DataFrame, with_red: Uncertainty | None) -> Uncertainty:
    distinct = collapse(rows, estimates.decisions)
    n = len(distinct)
    if not n:
        return Uncertainty(estimates.estimand, estimates.counts, 0, np.nan, np.nan, np.nan, False, with_red)
    means = distinct["mean"].to_numpy()
    # the mean over universes takes up 1/n of the noise: E var(means) = between + (1 - 1/n) mean(mcse^2)
    noise = float((1 - 1 / n) * np.mean(distinct["mcse_mean"].to_numpy() ** 2))
    raw = float(means.var())
    return Uncertainty(
        estimates.estimand,
        estimates.counts,
        n,
        within=float(np.mean(distinct["sd"].to_numpy() ** 2)),
        between=max(0.0, raw - noise),
        monte_carlo=noise,
        clipped=raw < noise,
        with_red=with_red,
    )

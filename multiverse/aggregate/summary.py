"""Where the universes lie: median, range and quantiles of their medians, and how many are above zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import collapse
from multiverse.aggregate.estimates import Counts, Estimates
from multiverse.aggregate.intervals import Kinds, kinds_of
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.aggregate.verified import unverified
from multiverse.aggregate.weigh import NOTES, WEIGHT
from multiverse.aggregate.weights import weighted_share

AT = (0.025, 0.25, 0.5, 0.75, 0.975)  # the quantiles shown of one universe, shown again over universes


@dataclass(frozen=True, repr=False)
class Summary(Shown):
    """The medians of all universes in a few numbers, on the estimand's scale.

    `quantiles` maps probability to quantile over universes (each the same weight unless `notes` says otherwise, after
    parameterizations are averaged); `low` and `high` are the smallest and the largest; `share_positive` is the share
    with a median above zero, `p_positive` the probability of a positive value under the mixture of all posteriors with
    these weights; `reference` is the reference universe's median (NaN if it has none); `n` counts distinct analyses,
    `kinds` their kinds of interval. NaN everywhere if no universe counts. `with_red` is the same with red universes
    that have numbers; None where there are none. Of an analysis that is not Bayesian the median is its estimate, and
    the probability its one-sided confidence level; what tells no uncertainty has no part in `p_positive`.
    """

    estimand: str
    counts: Counts
    n: int
    median: float
    low: float
    high: float
    quantiles: dict[float, float]
    share_positive: float
    p_positive: float
    reference: float
    kinds: Kinds
    notes: tuple[str, ...] = ()
    with_red: Summary | None = None

    def printed(self) -> Printed:
        """A row for the green universes, one with the red ones."""
        kinds = self.kinds
        above = "confidence above zero" if kinds.told and not kinds.credible else "P(above zero)"
        header: tuple[str, ...] = ("", "median", "smallest", "largest", "middle half", "above zero", above)
        rows: list[tuple[str, ...]] = [("green universes", *self._cells())]
        if self.with_red is not None:
            rows.append(("with red ones", *self.with_red._cells()))
        notes = [f"{count(self.n, 'distinct analysis')}; reference universe {number(self.reference)}"]
        if not kinds.bayesian:
            notes.append(str(kinds))
        if kinds.credible and kinds.confidence:
            notes.append("P(above zero) is a one-sided confidence level where intervals are confidence intervals")
        if kinds.told and kinds.none:
            notes.append(f"{above} is over the {kinds.told:,} that tell their uncertainty")
        notes += [*self.notes, *filter(None, [unverified(self.counts.verified_by)])]
        title = f"{kinds.middle('medians', 'estimates').capitalize()} of {self.estimand!r}: {self.counts}"
        if not kinds.told and kinds.none:  # nothing stands in the last column
            header, rows = header[:-1], [row[:-1] for row in rows]
        return Printed(title, header, tuple(rows), tuple(notes))

    def _cells(self) -> tuple[str, ...]:
        half = f"{number(self.quantiles[0.25])} to {number(self.quantiles[0.75])}"
        plain = (number(self.median), number(self.low), number(self.high), half)
        return (*plain, percent(self.share_positive), percent(self.p_positive))


def summarise(estimates: Estimates) -> Summary:
    """The medians of the green universes in a few numbers, and beside them the same with red ones included."""
    green = _summary(estimates, estimates.green, None)
    if len(estimates.with_numbers) == estimates.counts.green:
        return green
    return _summary(estimates, estimates.green, _summary(estimates, estimates.with_numbers, None))


def _summary(estimates: Estimates, rows: pd.DataFrame, with_red: Summary | None) -> Summary:
    distinct = collapse(rows, estimates.decisions, estimates.weigh, estimates.links)
    medians, weight = distinct["median"].to_numpy(), distinct[WEIGHT].to_numpy()
    some = len(medians) > 0
    at = _quantiles(medians, weight) if some else np.full(len(AT), np.nan)
    told = distinct["p_positive"].notna().to_numpy()
    own = rows.loc[rows["reference"], "median"]
    return Summary(
        estimates.estimand,
        estimates.counts,
        len(medians),
        median=float(at[AT.index(0.5)]),
        low=float(medians.min()) if some else np.nan,
        high=float(medians.max()) if some else np.nan,
        quantiles=dict(zip(AT, at.tolist(), strict=True)),
        share_positive=weighted_share(medians > 0, np.ones(len(medians), dtype=bool), weight),
        p_positive=float(np.average(distinct["p_positive"][told], weights=weight[told])) if told.any() else np.nan,
        reference=float(own.iloc[0]) if len(own) else np.nan,
        kinds=kinds_of(distinct) if some else estimates.kinds,
        notes=NOTES[estimates.weigh],
        with_red=with_red,
    )


def _quantiles(medians: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Quantiles over universes; between two of them where they weigh the same, else the first that reaches."""
    alike = np.ptp(weight) == 0
    found = np.quantile(medians, AT) if alike else np.quantile(medians, AT, weights=weight, method="inverted_cdf")
    return np.asarray(found)

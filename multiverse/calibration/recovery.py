"""Whether the truth is found again, and how much data taught: error, z-score and contraction over simulated data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import Printed, Shown, number
from multiverse.calibration.simulations import WHOLE, Simulations, Tally, drawn, green

NUMBERS = ("correlation", "rmse", "z_mean", "z_sd", "contraction")


@dataclass(frozen=True, repr=False)
class Recovery(Shown):
    """How near posterior means are to the truth, for each quantity and each option.

    `table`: a row for each quantity, decision and option ("all", "all" for all universes): n (data sets), correlation
    (of truth and posterior mean), rmse (root of the mean squared difference, in the quantity's unit), z_mean and z_sd
    (of z; 0 and 1 for a right posterior, z_mean with a standard error of 1 / sqrt(n)), contraction (median). NaN where
    it cannot be told. `points`: a row for each data set and quantity that pass the gate: universe, the decisions,
    quantity, truth, mean, sd, z = (mean - truth) / sd, contraction = 1 - (posterior sd / prior sd)^2: near 1 where data
    taught all, 0 where they taught nothing. `with_red`: the table with red answers that have draws; None without any.
    Source: Betancourt 2018, arXiv:1803.08393 (posterior z-score and contraction).
    """

    answers: str
    table: pd.DataFrame
    points: pd.DataFrame
    told: Tally
    with_red: pd.DataFrame | None = None

    def printed(self) -> Printed:
        """A row for each quantity, beside it what it is with red answers; then one for each option and quantity."""
        rows = []
        for row in self.table.to_dict("records"):
            where = "every universe" if row["decision"] == WHOLE else f"{row['decision']}: {row['option']}"
            rows.append((where, str(row["quantity"]), f"{row['n']:,}", *(number(row[name]) for name in NUMBERS)))
        if self.with_red is not None:
            for row in self.with_red[self.with_red["decision"] == WHOLE].to_dict("records"):
                cells = (number(row[name]) for name in NUMBERS)
                rows.append(("with red ones", str(row["quantity"]), f"{row['n']:,}", *cells))
        title = f"Recovery of truths by {self.answers}: {self.told}"
        notes = [
            "z = (posterior mean - truth) / posterior sd: mean 0 and sd 1 where all is well",
            "contraction = 1 - (posterior sd / prior sd)^2, the median: 1 where data taught all, 0 where nothing",
            *self.told.notes(),
        ]
        header = ("", "quantity", "n", "correlation", "RMSE", "mean z", "sd of z", "contraction")
        return Printed(title, header, tuple(rows), tuple(notes))


def recovery(simulations: Simulations, answers: str | None = None) -> Recovery:
    """Compare posterior means with the truths they came from.

    answers: whose, by default the last of `Simulations.answers`. Raises ResultError where there are none.
    """
    mine = simulations.of(answers)
    groups = [(group[:3], _points(group.rows)) for group in mine.groups(densities=False)]
    columns = ["quantity", "decision", "option", "n", *NUMBERS]
    table, every = (
        pd.DataFrame([(*name, *_numbers(some(rows))) for name, rows in groups], columns=columns)
        for some in (green, drawn)
    )
    kept = [*mine.decisions, "universe", "quantity", "truth", "mean", "sd", "z", "contraction"]
    points = [green(rows)[kept] for name, rows in groups if name[1] == WHOLE]
    told = mine.told
    whole = pd.concat(points, ignore_index=True) if points else pd.DataFrame(columns=kept)
    return Recovery(mine.answers[0], table, whole, told, every if told.red_with_draws else None)


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    mean, truth, sd, prior = (rows[name].to_numpy(float) for name in ("mean", "truth", "sd", "prior_sd"))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z, taught = (mean - truth) / sd, 1 - np.square(sd / prior)
    return rows.assign(z=_finite(z), contraction=_finite(taught))


def _finite(values: np.ndarray) -> np.ndarray:
    """NaN for what is infinite, as z is where all draws are one."""
    return np.where(np.isfinite(values), values, np.nan)


def _numbers(rows: pd.DataFrame) -> tuple[float, ...]:
    truth, mean = rows["truth"].to_numpy(float), rows["mean"].to_numpy(float)
    n = len(rows)
    if not n:
        return 0, *[np.nan] * len(NUMBERS)
    known = bool(np.isfinite(truth).all() and np.isfinite(mean).all())
    vary = n > 2 and known and np.ptp(truth) > 0 and np.ptp(mean) > 0
    z, taught = (rows[name].dropna().to_numpy(float) for name in ("z", "contraction"))
    return (
        n,
        float(np.corrcoef(truth, mean)[0, 1]) if vary else np.nan,
        float(np.sqrt(np.square(mean - truth).mean())) if known else np.inf,
        float(z.mean()) if len(z) else np.nan,
        float(z.std(ddof=1)) if len(z) > 1 else np.nan,
        float(np.median(taught)) if len(taught) else np.nan,
    )

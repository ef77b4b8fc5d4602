"""Sensitivity of an estimand to prior and likelihood, universe by universe, from draws that are there already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from multiverse.aggregate.estimates import PARAMETERIZATION, SAME_AS, Counts, Estimates
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.errors import Problem, ResultError
from multiverse.power_scaling.density_draws import density_draws
from multiverse.power_scaling.diagnosis import THRESHOLD, Diagnosis, diagnose
from multiverse.power_scaling.sensitivity import sensitivities
from multiverse.progress import Progress
from multiverse.store.contract import Store

COLUMNS = (
    *(f"{density}_{told}" for density in ("prior", "likelihood") for told in ("sensitivity", "noise", "khat")),
    "diagnosis",
)
SENSITIVITIES = ("prior_sensitivity", "likelihood_sensitivity")


@dataclass(frozen=True, repr=False)
class PowerScaling(Shown):
    """What power-scaling of prior and likelihood does to one estimand in each universe.

    `table`: a row for each answered universe: key, decisions, reference, ok, reason, same_as, of `prior_` and
    `likelihood_` the `sensitivity` (slope of the cumulative Jensen-Shannon distance in log2 of the power), the `noise`
    and the `khat` (`Moved`), and the `diagnosis` (`Diagnosis`, as text). NaN and "cannot be told" without draws.
    `threshold`: from where on a sensitivity is large. `n`: green universes, exact duplicates counted once;
    `parameterized`: whether some differ in parameterization, and so in what the power of the prior means.
    """

    estimand: str
    counts: Counts
    table: pd.DataFrame
    threshold: float
    n: int
    parameterized: bool = False

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The row of a universe by its key, or the beginning of it; ResultError if that is none, or several."""
        rows = self.table[self.table["key"].str.startswith(key)]
        if len(rows) != 1:
            what = f"{len(rows) or 'no'} answered universes have a key that begins with {key!r}"
            raise ResultError(Problem(what, "the beginning of one key", "list the keys: `power_scaling.table['key']`"))
        return {str(name): value for name, value in rows.iloc[0].items()}

    def printed(self) -> Printed:
        """A row for each diagnosis: how many universes, and the medians of their sensitivities."""
        green, every = (_once(rows) for rows in (self.table[self.table["ok"]], self.table))
        rows = []
        for diagnosis in Diagnosis:
            mine = green[green["diagnosis"] == diagnosis.value]
            with_red = every[every["diagnosis"] == diagnosis.value]
            if not len(with_red):
                continue
            medians = [number(float(mine[name].median())) if len(mine) else "-" for name in SENSITIVITIES]
            shares = [
                percent(len(some) / len(of)) if len(of) else "-" for some, of in ((mine, green), (with_red, every))
            ]
            rows.append((diagnosis.value, f"{len(mine):,}", *shares, *medians))
        header = ("", "universes", "share", "with red", "prior", "likelihood")
        title = f"Power-scaling of {self.estimand!r}: {replace(self.counts, duplicates=0)}"
        return Printed(title, header, tuple(rows), tuple(self._notes()))

    def _notes(self) -> list[str]:
        notes = [
            f"medians of sensitivities; from {self.threshold:g} on the posterior moves with the power of a density"
        ]
        if len(green := self.table[self.table["ok"]]) and green["prior_sensitivity"].notna().any():
            prior = green["prior_sensitivity"].to_numpy()
            most = int(np.nanargmax(prior))
            notes.append(f"most sensitive to its prior: {green['key'].iloc[most][:8]} ({number(float(prior[most]))})")
        notes.append("power of the joint prior of all latent sites, on their own scale, and of the whole likelihood")
        if self.parameterized:
            notes.append("parameterizations share a posterior and not the power of its prior: each counts")
        if shared := self.counts.duplicates:
            notes.append(f"{count(shared, 'universe')} with the answer of an exact duplicate, counted once with it")
        return notes


def power_scaling(
    store: Store, run: str, estimates: Estimates, progress: Progress, threshold: float | None = None
) -> PowerScaling:
    """Sensitivities of this estimand in all answered universes of the run, from their kept draws.

    threshold: from where on a sensitivity is large; None for `THRESHOLD`.
    Raises ResultError where no universe kept log densities, as those of an `estimate` function do not, and for a
    threshold that is not a number above zero.
    """
    threshold = THRESHOLD if threshold is None else threshold
    if not (np.isfinite(threshold) and threshold > 0):
        raise ResultError(Problem(f"threshold is {threshold!r}", "a number above 0", f"write threshold={THRESHOLD:g}"))
    rows: dict[str, tuple[Any, ...]] = {}
    with progress(f"power-scaling of {estimates.estimand!r}", len(estimates.table), "universes") as advance:
        for some in density_draws(store, run, estimates.estimand):
            prior, likelihood = (sensitivities(some.draws, d) for d in (some.log_prior, some.log_likelihood))
            said = diagnose(prior, likelihood, int(np.prod(some.draws.shape[1:])), threshold)
            for keys, *told in zip(some.keys, *prior, *likelihood, said, strict=True):
                rows |= dict.fromkeys(keys, tuple(told))
                advance(len(keys))
    if not rows and len(estimates.table):
        raise ResultError(
            Problem(
                f"no universe kept log densities beside draws of {estimates.estimand!r}.",
                "draws of a NumPyro model: its prior and likelihood are raised to a power",
                "power-scale a study with `model=`; one with `estimate=` tells no prior",
            )
        )
    kept = ["key", *estimates.decisions, "reference", "ok", "reason", SAME_AS]
    table = estimates.table[kept].copy()
    unknown = (*[np.nan] * (len(COLUMNS) - 1), Diagnosis.unknown)
    columns = list(zip(*(rows.get(key, unknown) for key in table["key"]), strict=True)) or [()] * len(COLUMNS)
    for name, values in zip(COLUMNS, columns, strict=True):
        table[name] = [v.value for v in values] if name == "diagnosis" else np.array(values, dtype=np.float64)
    return PowerScaling(
        estimates.estimand,
        estimates.counts,
        table,
        threshold,
        len(_once(table[table["ok"]])),
        any(info.kind == PARAMETERIZATION for info in estimates.decisions.values()),
    )


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """Each exact duplicate once."""
    return rows[~rows[SAME_AS].fillna(rows["key"]).duplicated()]

"""Simulation-based calibration: over data sets simulated from the model, the truth lies anywhere in its posterior.

Truths are drawn from the prior, data from the likelihood given them; then place by place a truth is as likely as not to
lie below any quantile of the right posterior. An engine whose draws are too narrow, too wide or off shows at once. What
it cannot tell: it averages over the prior, so a fault where the prior has little mass goes unseen, and it says nothing
of the data at hand, nor of whether the model is right.
Sources: Talts et al. 2018, arXiv:1804.06788; Modrák et al. 2023, Bayesian Analysis, doi:10.1214/23-BA1404 (the log
likelihood as a quantity, without which an engine that returns the prior would pass).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import Printed, Shown, count, number
from multiverse.calibration.ecdf_bands import p_value
from multiverse.calibration.simulations import WHOLE, Simulations, Tally, adjusted, drawn, green

FALSE_ALARM: Final = (
    0.05  # probability, over all bands of a check, that a right engine fails it; bands of 95 % as drawn
)
# by Säilynoja et al. 2022
FINE: Final = "uniform"
UNKNOWN: Final = "not judged"


@dataclass(frozen=True, repr=False)
class SBC(Shown):
    """Whether the places of the truths are uniform, for each quantity and each option.

    `table`: a row for each band: quantity, decision, option ("all", "all" for all universes), n (data sets), p_value
    (`ecdf_bands.p_value`), p_holm (`simulations.adjusted` for the number of bands), verdict ("uniform", or what the
    posterior is: "too narrow", "too wide", "too low", "too high"; "not judged" without draws), p_with_red
    (with data sets whose answer failed the gate but has draws). `answers`: who answered. `told`: what became
    of the data sets.
    """

    answers: str
    table: pd.DataFrame
    told: Tally

    @property
    def ok(self) -> bool:
        """Whether there is something to judge and no band is left, `FALSE_ALARM` over all of them."""
        return bool((self.table["verdict"] == FINE).any() and self.outside.empty)

    @cached_property
    def outside(self) -> pd.DataFrame:
        """The rows whose band is left."""
        return self.table[~self.table["verdict"].isin((FINE, UNKNOWN))]

    def printed(self) -> Printed:
        """A row for each quantity, then one for each option: its worst quantity."""
        whole = self.table["decision"] == WHOLE
        rows = [("every universe", *_cells(row)) for row in self.table[whole].to_dict("records")]
        for (decision, option), some in self.table[~whole].groupby(["decision", "option"], sort=False):
            worst = some.sort_values("p_value", kind="stable").to_dict("records")[0]
            rows.append((f"{decision}: {option}", *_cells(worst)))
        bands, left = int(self.table["p_value"].notna().sum()), len(self.outside)
        title = f"Simulation-based calibration of {self.answers}: {self.told}; " + (
            f"{left:,} of {count(bands, 'band')} left" if left else f"none of {count(bands, 'band')} left"
        )
        if not bands:
            title = f"Simulation-based calibration of {self.answers}: {self.told}; nothing can be judged"
        notes = [
            f"p (all): adjusted for {count(bands, 'band')} (Holm, half for every universe, half for options): a right "
            f"engine leaves any of them in at most {FALSE_ALARM:.0%}",
            *(["of each option the quantity with the smallest p"] if not whole.all() else []),
            *self.told.notes(),
            "averaged over the prior: says nothing of the data at hand, nor of whether the model is right",
        ]
        return Printed(title, ("", "quantity", "n", "p", "p (all)", "with red", "verdict"), tuple(rows), tuple(notes))


def sbc(simulations: Simulations, answers: str | None = None) -> SBC:
    """Judge the places of the truths of each quantity, over all universes and over those with each option.

    answers: whose, by default the last of `Simulations.answers`. Raises ResultError where there are none.
    """
    mine = simulations.of(answers)
    rows = []
    for group in mine.groups(densities=True):
        places, every = (some(group.rows)["place"].to_numpy(float) for some in (green, drawn))
        beside = p_value(every) if len(every) > len(places) else np.nan
        rows.append((*group[:3], len(places), p_value(places), np.nan, _looks(places), beside))
    columns = ["quantity", "decision", "option", "n", "p_value", "p_holm", "verdict", "p_with_red"]
    table = pd.DataFrame(rows, columns=columns)
    table["p_holm"] = adjusted(table["p_value"].to_numpy(float), (table["decision"] == WHOLE).to_numpy(bool))
    table.loc[~(table["p_holm"] <= FALSE_ALARM), "verdict"] = FINE
    table.loc[table["p_holm"].isna(), "verdict"] = UNKNOWN
    return SBC(mine.answers[0], table, mine.told)


def _looks(places: np.ndarray) -> str:
    """What is wrong with a posterior, by whichever of mean and variance of the places is the further from uniform."""
    if not len(places):
        return FINE
    n = len(places)
    mean = (places.mean() - 1 / 2) * np.sqrt(12 * n)  # a uniform number has variance 1 / 12
    spread = (np.square(places - 1 / 2).mean() - 1 / 12) * np.sqrt(180 * n)  # and its square variance 1 / 180
    if abs(mean) >= abs(spread):
        return "too low" if mean > 0 else "too high"
    return "too narrow" if spread > 0 else "too wide"


def _cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    numbers = (number(row[name]) for name in ("p_value", "p_holm", "p_with_red"))
    return str(row["quantity"]), f"{row['n']:,}", *numbers, str(row["verdict"])

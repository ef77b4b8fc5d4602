"""How often central intervals of the posterior hold the truth, over simulated data sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.calibration.sbc import FALSE_ALARM
from multiverse.calibration.simulations import WHOLE, Simulations, Tally, adjusted, drawn, green

LEVELS: Final = (0.5, 0.8, 0.9, 0.95)
CONFIDENCE: Final = 0.95  # of the interval of a share


@dataclass(frozen=True, repr=False)
class Coverage(Shown):
    """The share of truths that central intervals of each level hold, for each quantity and each option.

    `table`: a row for each quantity, decision, option ("all", "all" for all universes) and level: n (data sets), held
    (how many truths), share, low, high (Clopper and Pearson's 95 % interval of the share), p_value (two-sided, exact),
    p_holm (`simulations.adjusted` for the number of shares), ok, with_red (the share with red answers; NaN where none
    has draws).
    """

    answers: str
    table: pd.DataFrame
    told: Tally

    @property
    def ok(self) -> bool:
        """Whether there is something to judge and no share is off, `FALSE_ALARM` over all of them."""
        return bool(self.table["n"].any() and self.table["ok"].all())

    def printed(self) -> Printed:
        """A row for each quantity with its four shares; then one for each option: its worst quantity."""
        whole = self.table["decision"] == WHOLE
        rows = [("every universe", *_cells(some)) for _, some in self.table[whole].groupby("quantity", sort=False)]
        for (decision, option), some in self.table[~whole].groupby(["decision", "option"], sort=False):
            worst = some.sort_values("p_value", kind="stable")["quantity"].iloc[0]
            rows.append((f"{decision}: {option}", *_cells(some[some["quantity"] == worst])))
        shares = int(self.table["p_value"].notna().sum())
        off = int((~self.table["ok"]).sum())
        title = f"Coverage of central intervals of {self.answers}: {self.told}; " + (
            f"{off:,} of {count(shares, 'share')} off" if off else f"none of {count(shares, 'share')} off"
        )
        notes = [
            f"in brackets Clopper and Pearson's {CONFIDENCE:.0%} interval; off (*): p at most {FALSE_ALARM:g}, "
            f"adjusted for {count(shares, 'share')} (Holm, half for every universe, half for options)",
            *(["of each option the quantity with the smallest p"] if not whole.all() else []),
            *self._with_red(),
            *self.told.notes(),
            "averaged over the prior: says nothing of the data at hand, nor of whether the model is right",
        ]
        return Printed(title, ("", "quantity", "n", *(f"{level:.0%}" for level in LEVELS)), tuple(rows), tuple(notes))

    def _with_red(self) -> list[str]:
        every = self.table[(self.table["decision"] == WHOLE) & self.table["with_red"].notna()]
        told = []
        for quantity, some in every.groupby("quantity", sort=False):
            shares = ", ".join(percent(share) for share in some["with_red"])
            told.append(f"with red answers that have draws, {quantity}: {shares}")
        return told


def coverage(simulations: Simulations, answers: str | None = None) -> Coverage:
    """The share of truths within central intervals, with its uncertainty.

    A truth is in the central interval of a level where its place is: so ties and few draws are treated fairly.
    answers: whose, by default the last of `Simulations.answers`. Raises ResultError where there are none.
    """
    mine = simulations.of(answers)
    rows = []
    for group in mine.groups(densities=False):
        off, every = (np.abs(some(group.rows)["place"].to_numpy(float) - 0.5) for some in (green, drawn))
        for level in LEVELS:
            held, n = int((off < level / 2).sum()), len(off)
            beside = float((every < level / 2).mean()) if len(every) > n else np.nan
            rows.append((*group[:3], level, n, held, *_share(held, n, level), np.nan, True, beside))
    columns = ["quantity", "decision", "option", "level", "n", "held", "share", "low", "high", "p_value", "p_holm"]
    table = pd.DataFrame(rows, columns=[*columns, "ok", "with_red"])
    table["p_holm"] = adjusted(table["p_value"].to_numpy(float), (table["decision"] == WHOLE).to_numpy(bool))
    table["ok"] = ~(table["p_holm"] <= FALSE_ALARM)
    return Coverage(mine.answers[0], table, mine.told)


def _share(held: int, n: int, level: float) -> tuple[float, float, float, float]:
    """Share, its interval, and how probable one so far from the level is."""
    from scipy.stats import binomtest

    if not n:
        return np.nan, np.nan, np.nan, np.nan
    test = binomtest(held, n, level)
    interval = test.proportion_ci(CONFIDENCE, method="exact")
    return held / n, float(interval.low), float(interval.high), float(test.pvalue)


def _cells(levels: pd.DataFrame) -> tuple[str, ...]:
    rows = levels.to_dict("records")
    shares = (
        f"{percent(row['share'])} [{number(100 * row['low'])}, {number(100 * row['high'])}]{'' if row['ok'] else '*'}"
        for row in rows
    )
    return str(rows[0]["quantity"]), f"{rows[0]['n']:,}", *shares

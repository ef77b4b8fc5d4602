"""The figures of calibration, with captions: what each shows, what was left out, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from multiverse.aggregate.printing import count, number
from multiverse.calibration.coverage import Coverage
from multiverse.calibration.recovery import Recovery
from multiverse.calibration.sbc import FALSE_ALARM, SBC
from multiverse.calibration.simulations import Simulations, Tally
from multiverse.errors import Problem, ResultError
from multiverse.plot.calibration_coverage import coverage_panels
from multiverse.plot.calibration_coverage_data import coverage_data
from multiverse.plot.calibration_recovery import recovery_panels
from multiverse.plot.calibration_recovery_data import recovery_data
from multiverse.plot.calibration_sbc import sbc_panels
from multiverse.plot.calibration_sbc_data import sbc_data
from multiverse.plot.figure import Figure
from multiverse.plot.layout import millimetres

SILENT = "It averages over the prior, and says nothing of the data at hand."


def sbc_figure(sbc: SBC, simulations: Simulations, *, width: str | float = "183mm") -> Figure:
    """Simulation-based calibration as a figure. simulations: as the same answers gave them.

    Raises ResultError where no answer passes the gate, and for a width that is none.
    """
    millimetres(width)
    data = _some(sbc_data(sbc, simulations), sbc.told)
    panels, bands = data["panel"].nunique(), int(sbc.table["p_value"].notna().sum())
    left = len(sbc.outside)
    said = [
        f"Simulation-based calibration of {sbc.answers} on {sbc.told}.",
        "Line: share of truths up to a place in their posteriors, less what it should be; grey: where it lies in 95% "
        "of cases if all is well.",
        f"Drawn: {panels:,} of {count(bands, 'band')}, those over all universes first, then options by their p.",
        f"Orange: left, with the number of bands accounted for (Holm, {FALSE_ALARM:.0%} over all); {left:,} are.",
    ]
    return _figure(lambda wide: sbc_panels(data, width=wide), data, said, sbc.told, width)


def coverage_figure(coverage: Coverage, *, width: str | float = "183mm") -> Figure:
    """Coverage as a figure. Raises ResultError where no answer passes the gate, and for a width that is none."""
    millimetres(width)
    data = _some(coverage_data(coverage), coverage.told)
    off = int((~coverage.table["ok"]).sum())
    said = [
        f"Coverage of central intervals of {coverage.answers} on {coverage.told}.",
        "Points: share of truths that intervals of a level hold, over all universes, with Clopper and Pearson's 95% "
        "intervals; small points: universes with one option; dashed: what it should be.",
        f"Orange: off, with the number of shares accounted for (Holm, {FALSE_ALARM:.0%} over all); {off:,} are.",
    ]
    return _figure(lambda wide: coverage_panels(data, width=wide), data, said, coverage.told, width)


def recovery_figure(recovery: Recovery, *, width: str | float = "183mm") -> Figure:
    """Recovery as a figure. Raises ResultError where no answer passes the gate, and for a width that is none."""
    millimetres(width)
    data = _some(recovery_data(recovery), recovery.told)
    drawn, quantities = data["quantity"].nunique(), recovery.points["quantity"].nunique()
    most = int(data.groupby("quantity").size().max())
    rows = int(recovery.points.groupby("quantity").size().max())
    said = [
        f"Recovery of truths by {recovery.answers} on {recovery.told}.",
        "Above: posterior mean against the truth; dashed, where they are equal.",
        "Below: z, the error of the mean in posterior sds, against contraction, one less the ratio of posterior to "
        f"prior variance; medians over all are {_medians(recovery)}.",
    ]
    said += [f"Drawn: {drawn} of {quantities} quantities."] * (drawn < quantities)
    said += [f"Drawn of each: at most {most:,} of {rows:,} data sets."] * (most < rows)
    return _figure(lambda wide: recovery_panels(data, width=wide), data, said, recovery.told, width)


def _medians(recovery: Recovery) -> str:
    rows = recovery.table.drop_duplicates("quantity")
    return ", ".join(f"{q} {number(float(c))}" for q, c in zip(rows["quantity"], rows["contraction"], strict=True))


def _figure(
    draw: Callable[[str | float], Any], data: pd.DataFrame, said: list[str], told: Tally, width: str | float
) -> Figure:
    left = [note[:1].upper() + note[1:] + "." for note in told.notes()]
    caption = " ".join([*said, *left, SILENT])
    return Figure(draw, data.drop(columns="panel"), lambda _: caption, width)


def _some(data: pd.DataFrame, told: Tally) -> pd.DataFrame:
    if data.empty:
        reasons = ", ".join(told.reasons) or "none was simulated"
        what = f"none of {count(told.simulations, 'simulated data set')} has an answer that passes the gate: {reasons}"
        raise ResultError(Problem(what, "some that do, to draw", "ask another engine, such as --engine nuts"))
    return data

"""Recovery, drawn: truths against posterior means, and below them z-scores against contraction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import number
from multiverse.plot.calibration_grid import Cell, around, columns, grid, straight
from multiverse.plot.inline import inline
from multiverse.plot.style import BELOW

if TYPE_CHECKING:
    import altair as alt

Z_LEAST: Final = 6.0  # length of the axis of z at least: from -3 to 3
TAIL: Final = 0.01  # share of truths at either end that may lie outside: a prior may have no variance


def recovery_panels(data: pd.DataFrame, *, width: str | float = "183mm") -> alt.VConcatChart:
    """Two panels for each quantity of `recovery_data`, one above the other. Sources: `calibration.recovery`.

    width: "89mm", "183mm" or millimetres. Raises ResultError for a width that is none.
    """
    each = [(_means(rows), _taught(rows)) for _, rows in data.groupby("panel", sort=True)]
    many = columns(width, len(each))
    rows = [[pair[i] for pair in each[at : at + many]] for at in range(0, len(each), many) for i in (0, 1)]
    return grid(rows, width)


def _means(rows: pd.DataFrame) -> Cell:
    both = rows[["truth", "mean"]].to_numpy(float)
    span = around(float(np.quantile(both, TAIL)), float(np.quantile(both, 1 - TAIL)))
    inside = rows[rows["truth"].between(*span) & rows["mean"].between(*span)]

    def layers(x: Any, y: Any) -> list[Any]:
        return [straight([(span[0], span[0]), (span[1], span[1])], x, y), _dots(inside, x("truth"), y("mean"))]

    vary = len(rows) > 2 and np.ptp(both, axis=0).min() > 0
    told = f", correlation {number(float(np.corrcoef(both.T)[0, 1]))}" if vary else ""
    return Cell(str(rows["quantity"].iloc[0]), f"n = {len(rows):,}{told}", span, span, layers, "truth", "mean")


def _taught(rows: pd.DataFrame) -> Cell:
    known = rows[np.isfinite(rows["contraction"])]
    x_span = (min(-0.05, max(-1.0, float(known["contraction"].min()) if len(known) else 0.0)), 1.05)
    z = known["z"].to_numpy(float)
    y_span = around(*(z if len(z) else [0.0]), -Z_LEAST / 2, Z_LEAST / 2)
    drawn = known.assign(contraction=known["contraction"].clip(*x_span))

    def layers(x: Any, y: Any) -> list[Any]:
        return [straight([(x_span[0], 0), (x_span[1], 0)], x, y), _dots(drawn, x("contraction"), y("z"))]

    middle = number(float(known["contraction"].median())) if len(known) else "-"
    return Cell("", f"contraction {middle}", x_span, y_span, layers, "contraction", "z")


def _dots(rows: pd.DataFrame, x: Any, y: Any) -> Any:
    import altair as alt

    kept = inline(rows[["truth", "mean", "z", "contraction"]])
    return alt.Chart(kept).mark_point(filled=True, size=5, opacity=0.5, color=BELOW.solid).encode(x, y)

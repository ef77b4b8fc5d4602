"""Simulation-based calibration, drawn: paths of ECDF differences within their bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import number
from multiverse.calibration.simulations import WHOLE
from multiverse.plot.calibration_grid import Cell, around, columns, grid, line, straight
from multiverse.plot.calibration_sbc_data import is_off
from multiverse.plot.inline import inline
from multiverse.plot.style import ABOVE, BELOW, HOLDS

if TYPE_CHECKING:
    import altair as alt


def sbc_panels(data: pd.DataFrame, *, width: str | float = "183mm") -> alt.VConcatChart:
    """A panel for each path of `sbc_data`, all on one scale: grey its band; orange where the verdict is against it.

    width: "89mm", "183mm" or millimetres. Raises ResultError for a width that is none.
    """
    reach = max(0.05, float(np.abs(data[["difference", "lower", "upper"]].to_numpy(float)).max(initial=0.0)))
    cells = [_cell(rows, around(-reach, reach)) for _, rows in data.groupby("panel", sort=True)]
    many = columns(width, len(cells))
    return grid([cells[i : i + many] for i in range(0, len(cells), many)], width)


def _cell(rows: pd.DataFrame, y_span: tuple[float, float]) -> Cell:
    first, off = rows.iloc[0], is_off(rows)

    def layers(x: Any, y: Any) -> list[Any]:
        import altair as alt

        base = alt.Chart(inline(rows[["place", "lower", "upper"]]))
        area = base.mark_area(color=HOLDS.whole, line=False).encode(x("place"), y("lower"), alt.Y2("upper:Q"))
        path = rows[["place", "difference"]]
        colour = ABOVE.solid if off else BELOW.solid
        names = ("place", "difference")
        return [area, straight([(0, 0), (1, 0)], x, y), line(path, x, y, names, color=colour, strokeWidth=1.1)]

    where = "" if first["decision"] == WHOLE else f", {first['decision']}: {first['option']}"
    note = f"n = {first['n']:,}, p = {number(first['p_value'])}" + (f", {first['verdict']}" if off else "")
    return Cell(f"{first['quantity']}{where}", note, (0.0, 1.0), y_span, layers, "place of the truth", "difference")

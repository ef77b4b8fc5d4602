"""Coverage, drawn: the share of truths that intervals hold against the share that they should hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from multiverse.plot.calibration_grid import Cell, columns, grid, straight
from multiverse.plot.inline import inline
from multiverse.plot.style import ABOVE, BELOW, HOLDS

if TYPE_CHECKING:
    import altair as alt

SPAN = (0.3, 1.03)  # of both axes: from below the least level to a little above 1


def coverage_panels(data: pd.DataFrame, *, width: str | float = "183mm") -> alt.VConcatChart:
    """A panel for each quantity of `coverage_data`: all universes with their interval, options as small points.

    width: "89mm", "183mm" or millimetres. Raises ResultError for a width that is none.
    """
    cells = [_cell(rows) for _, rows in data.groupby("panel", sort=True)]
    many = columns(width, len(cells))
    return grid([cells[i : i + many] for i in range(0, len(cells), many)], width)


def _cell(rows: pd.DataFrame) -> Cell:
    own, options = rows[rows["whole"]], rows[~rows["whole"]]
    kept = ["level", "share", "low", "high", "ok"]

    def layers(x: Any, y: Any) -> list[Any]:
        import altair as alt

        out = [straight([(SPAN[0], SPAN[0]), (1.0, 1.0)], x, y)]
        if len(options):
            drawn = options[kept].assign(share=options["share"].clip(*SPAN))
            dots = alt.Chart(inline(drawn)).mark_point(filled=True, size=7, opacity=0.8, xOffset=3)
            out.append(dots.encode(x("level"), y("share"), color=_by_verdict(HOLDS.solid)))
        reach = own[kept].assign(low=own["low"].clip(*SPAN), high=own["high"].clip(*SPAN))
        base = alt.Chart(inline(reach.assign(share=own["share"].clip(*SPAN))))
        colour = _by_verdict(BELOW.solid)
        out.append(base.mark_rule(strokeWidth=1.0).encode(x("level"), y("low"), alt.Y2("high:Q"), color=colour))
        out.append(base.mark_point(filled=True, size=16, opacity=1).encode(x("level"), y("share"), color=colour))
        return out

    note = f"n = {int(own['n'].iloc[0]) if len(own) else 0:,}"
    return Cell(str(rows["quantity"].iloc[0]), note, SPAN, SPAN, layers, "level of the interval", "truths held")


def _by_verdict(colour: str) -> Any:
    import altair as alt

    return alt.when(alt.datum.ok == 1).then(alt.value(colour)).otherwise(alt.value(ABOVE.solid))

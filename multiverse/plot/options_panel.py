"""The lower half of a specification curve: one row an option, its name and its universes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from multiverse.plot.curve_data import CurveData, sides
from multiverse.plot.inline import inline
from multiverse.plot.layout import Layout
from multiverse.plot.panel import by_side, panel, rank_axis, words
from multiverse.plot.style import DARK

if TYPE_CHECKING:
    import altair as alt

BAND = "#F4F4F4"  # a light band behind the ticks of an option leads the eye to its label and shift


def labels_panel(data: CurveData, plan: Layout) -> alt.LayerChart:
    """Names of decisions (bold, left) and options (right)."""
    import altair as alt

    rows = pd.DataFrame([(row.text, row.y, row.is_name) for row in plan.rows], columns=["text", "y", "name"])
    base = alt.Chart(inline(rows)).encode(down(plan), alt.Text("text:N"))
    style: dict[str, Any] = {"baseline": "middle", "fontSize": plan.font, "color": DARK}
    names = base.transform_filter("datum.name").mark_text(align="left", fontWeight="bold", **style)
    options = base.transform_filter("!datum.name").mark_text(align="right", **style)
    both = [names.encode(x=alt.value(0)), options.encode(x=alt.value(plan.labels))]
    return panel(both, plan.labels, plan.height)


def ticks_panel(data: CurveData, rows: pd.DataFrame, plan: Layout, under: str) -> alt.LayerChart:
    """A tick where a universe has an option, in its colour (the reference's in black); nothing where inactive."""
    import altair as alt

    total = len(data.universes)
    base, x = alt.Chart(inline(_ticks(data, rows, plan))), rank_axis(total)
    thick, tall = float(np.clip(0.8 * plan.main / total, 0.1, 3.0)), plan.row * 0.76
    band = alt.Chart(inline(plan.options[["y"]])).mark_rule(strokeWidth=tall, color=BAND)
    band = band.encode(down(plan), x=alt.value(0), x2=alt.value(plan.main))
    style: dict[str, Any] = {"orient": "vertical", "opacity": 1}
    others = base.transform_filter("!datum.reference").mark_tick(thickness=thick, size=tall, **style)
    own = base.transform_filter("datum.reference").mark_tick(
        thickness=max(thick, 1.2), size=plan.row, color="black", **style
    )
    text = words([under], plan.main / 2, plan.height + 4, plan.font, baseline="top")
    layers = [band, others.encode(x, down(plan), color=by_side("solid")), own.encode(x, down(plan)), text]
    return panel(layers, plan.main, plan.height)


def _ticks(data: CurveData, rows: pd.DataFrame, plan: Layout) -> pd.DataFrame:
    """rank, side, reference, y: a row per universe drawn and decision that applies to it."""
    where = {(name, label): y for name, label, y in plan.options.itertuples(index=False)}
    one = pd.DataFrame({"rank": rows["rank"], "side": sides(rows, data.threshold), "reference": rows["reference"]})
    all_of = [
        one.assign(y=[where.get((name, label), np.nan) for label in rows[name]]) for name in data.heads["decision"]
    ]
    return pd.concat(all_of).dropna(subset="y")


def down(plan: Layout) -> alt.Y:
    """The y of the option panel: points from its top."""
    import altair as alt

    return alt.Y("y:Q", scale=alt.Scale(domain=[0, plan.height], reverse=True, nice=False, zero=False), axis=None)

"""The lower half of a specification curve: one row an option, its name, its universes, its shift, its share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import number, percent
from multiverse.plot.curve_data import CurveData
from multiverse.plot.inline import inline
from multiverse.plot.layout import Layout, nice_reach
from multiverse.plot.panel import by_side, panel, rank_axis, sides, words
from multiverse.plot.style import DARK

if TYPE_CHECKING:
    import altair as alt

BAND, BAR = "#F4F4F4", "#6E6E6E"


def labels_panel(data: CurveData, plan: Layout) -> alt.LayerChart:
    """Names of decisions (bold, left) and options (right)."""
    import altair as alt

    rows = pd.DataFrame([(row.text, row.y, row.is_name) for row in plan.rows], columns=["text", "y", "name"])
    base = alt.Chart(inline(rows))
    names = base.transform_filter("datum.name").mark_text(
        align="left", baseline="middle", fontSize=plan.font, fontWeight="bold", color=DARK
    )
    options = base.transform_filter("!datum.name").mark_text(
        align="right", baseline="middle", fontSize=plan.font, color=DARK
    )
    at, text = _down(plan), alt.Text("text:N")
    both = [names.encode(at, text, x=alt.value(0)), options.encode(at, text, x=alt.value(plan.labels))]
    return panel(both, plan.labels, plan.height)


def ticks_panel(data: CurveData, rows: pd.DataFrame, plan: Layout, under: str) -> alt.LayerChart:
    """A tick where a universe has an option, in its colour (the reference's in black); nothing where inactive."""
    import altair as alt

    total = len(data.universes)
    where = {(d, label): y for d, label, y in plan.options.itertuples(index=False)}
    parts = [
        pd.DataFrame(
            {"rank": rows["rank"], "side": sides(rows, data.threshold), "reference": rows["reference"]}
        ).assign(y=[where.get((name, label), np.nan) for label in rows[name]])
        for name in data.heads["decision"]
    ]
    ticks = pd.concat(parts).dropna(subset="y")
    base, x = alt.Chart(inline(ticks)), rank_axis(total)
    thick = float(np.clip(0.8 * plan.main / total, 0.1, 3.0))
    tall = plan.row * 0.76
    band = alt.Chart(inline(plan.options[["y"]])).mark_rule(strokeWidth=tall, color=BAND)
    band = band.encode(_down(plan), x=alt.value(0), x2=alt.value(plan.main))
    usual = base.transform_filter("!datum.reference").mark_tick(
        orient="vertical", thickness=thick, size=tall, opacity=1
    )
    own = base.transform_filter("datum.reference").mark_tick(
        orient="vertical", thickness=max(thick, 1.2), size=plan.row, color="black"
    )
    text = words([under], plan.main / 2, plan.height + 4, plan.font, baseline="top")
    layers = [band, usual.encode(x, _down(plan), color=by_side("solid")), own.encode(x, _down(plan)), text]
    return panel(layers, plan.main, plan.height)


def margin_panel(data: CurveData, plan: Layout) -> alt.LayerChart:
    """How far each option shifts the median, and each decision's share of the variance between universes."""
    import altair as alt

    reach = nice_reach(data.options["shift"].to_numpy(dtype=float))
    moves = data.options.merge(plan.options, on=["decision", "label"])[["y", "shift"]]
    scale = alt.Scale(domain=[-reach, reach], range=[4, plan.shift - 4], nice=False)
    bars = alt.Chart(inline(moves.dropna())).mark_rule(strokeWidth=plan.row * 0.5, color=BAR)
    bars = bars.encode(alt.X("shift:Q", scale=scale, axis=None), alt.X2Datum(0), _down(plan))
    ends = pd.DataFrame({"at": [-reach, 0.0, reach], "text": [number(-reach), "", number(reach)]})
    axis = alt.Chart(inline(ends))
    at = alt.X("at:Q", scale=scale, axis=None)
    nil = (
        axis.transform_filter("datum.at == 0")
        .mark_rule(stroke=DARK, strokeWidth=0.6)
        .encode(at, y=alt.value(-2), y2=alt.value(plan.height))
    )
    line = axis.mark_rule(stroke=DARK, strokeWidth=0.6).encode(
        x=alt.value(4), x2=alt.value(plan.shift - 4), y=alt.value(-2)
    )
    notch = axis.mark_rule(stroke=DARK, strokeWidth=0.6).encode(at, y=alt.value(-4), y2=alt.value(-2))
    text = axis.mark_text(baseline="bottom", fontSize=plan.small, color=DARK).encode(
        at, alt.Text("text:N"), y=alt.value(-5)
    )
    names = {row.decision: row.y for row in plan.rows if row.is_name}
    shares = data.heads.assign(y=data.heads["decision"].map(names), text=data.heads["share"].map(percent))
    share = alt.Chart(inline(shares[["y", "text"]])).mark_text(
        align="right", baseline="middle", fontSize=plan.font, color=DARK
    )
    share = share.encode(_down(plan), alt.Text("text:N"), x=alt.value(plan.margin))
    head: dict[str, Any] = {"baseline": "bottom", "fontWeight": "bold"}
    above = -5 - plan.small * 1.2
    heads = [
        words(["shift"], plan.shift / 2, above, plan.font, align="center", **head),
        words(["share"], plan.margin, above, plan.font, align="right", **head),
    ]
    layers = [bars, nil, line, notch, text, share, *heads]
    return panel(layers, plan.margin, plan.height)


def _down(plan: Layout) -> alt.Y:
    import altair as alt

    return alt.Y("y:Q", scale=alt.Scale(domain=[0, plan.height], reverse=True, nice=False, zero=False), axis=None)

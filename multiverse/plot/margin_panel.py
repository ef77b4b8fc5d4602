"""Right of the options: how far each shifts the median, and each decision's share of the variance between universes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from multiverse.aggregate.printing import number, percent
from multiverse.plot.curve_data import CurveData
from multiverse.plot.inline import inline
from multiverse.plot.layout import Layout, nice_reach
from multiverse.plot.options_panel import down
from multiverse.plot.panel import panel, words
from multiverse.plot.style import DARK

if TYPE_CHECKING:
    import altair as alt

BAR, EDGE = "#6E6E6E", 4.0  # colour of the shift bars; points left free at both ends of their axis


def margin_panel(data: CurveData, plan: Layout) -> alt.LayerChart:
    """A bar per option from nil to its shift, under an axis with round ends, and a percentage per decision."""
    import altair as alt

    reach = nice_reach(data.options["shift"].to_numpy(dtype=float))
    x = alt.Scale(domain=[-reach, reach], range=[EDGE, plan.shift - EDGE], nice=False)
    moves = data.options.merge(plan.options, on=["decision", "label"])[["y", "shift"]].dropna()
    bars = alt.Chart(inline(moves)).mark_rule(strokeWidth=plan.row * 0.5, color=BAR)
    bars = bars.encode(alt.X("shift:Q", scale=x, axis=None), alt.X2Datum(0), down(plan))
    layers = [bars, *_axis(reach, x, plan), _shares(data, plan)]
    above, head = -5 - 1.2 * plan.small, {"baseline": "bottom", "fontWeight": "bold"}
    layers.append(words(["shift"], plan.shift / 2, above, plan.font, align="center", **head))
    layers.append(words(["share"], plan.margin, above, plan.font, align="right", **head))
    return panel(layers, plan.margin, plan.height)


def _axis(reach: float, scale: alt.Scale, plan: Layout) -> list[alt.Chart]:
    """The axis above the bars: a line with three notches, numbers at its ends, and nil all the way down."""
    import altair as alt

    ends = pd.DataFrame({"at": [-reach, 0.0, reach], "text": [number(-reach), "", number(reach)]})
    base, at = alt.Chart(inline(ends)), alt.X("at:Q", scale=scale, axis=None)
    style: dict[str, Any] = {"stroke": DARK, "strokeWidth": 0.6}
    nil = base.transform_filter("datum.at == 0").mark_rule(**style)
    line, notch = base.mark_rule(**style), base.mark_rule(**style)
    text = base.transform_filter("datum.at != 0").mark_text(baseline="bottom", fontSize=plan.small, color=DARK)
    return [
        nil.encode(at, y=alt.value(-2), y2=alt.value(plan.height)),
        line.encode(x=alt.value(EDGE), x2=alt.value(plan.shift - EDGE), y=alt.value(-2)),
        notch.encode(at, y=alt.value(-4), y2=alt.value(-2)),
        text.encode(at, alt.Text("text:N"), y=alt.value(-5)),
    ]


def _shares(data: CurveData, plan: Layout) -> alt.Chart:
    import altair as alt

    names = {row.decision: row.y for row in plan.rows if row.is_name}
    shares = data.heads.assign(y=data.heads["decision"].map(names), text=data.heads["share"].map(percent))
    style: dict[str, Any] = {"align": "right", "baseline": "middle", "fontSize": plan.font, "color": DARK}
    base: alt.Chart = alt.Chart(inline(shares[["y", "text"]])).mark_text(**style)
    return base.encode(down(plan), alt.Text("text:N"), x=alt.value(plan.margin))

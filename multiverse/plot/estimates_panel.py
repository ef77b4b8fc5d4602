"""The upper half of a specification curve: estimates with intervals, the title of their axis, the density beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from multiverse.aggregate.intervals import NONE
from multiverse.aggregate.printing import rounded
from multiverse.plot.curve_data import CurveData, sides
from multiverse.plot.inline import inline
from multiverse.plot.layout import GAP, Layout
from multiverse.plot.panel import LINE, by_side, panel, rank_axis, words
from multiverse.plot.style import DARK, SHAPES
from multiverse.plot.text_width import text_width, wrap
from multiverse.plot.value_axis import Span, labels_width, tick_format, ticks

if TYPE_CHECKING:
    import altair as alt

    ValueAxis = Callable[[str], alt.Y]


AXIS = 8.0  # points from the axis of values to the title beside the labels: tick, padding and air
APART = 3.0  # points between universes from which each bar is seen by itself


def title_panel(title: str, span: Span, plan: Layout) -> alt.LayerChart:
    """What is estimated, turned upright, left of the axis of values and its labels."""
    lines = wrap(title, plan.top, plan.font, 2, bold=True)
    # a turned text of more lines grows to the right: its last line keeps clear of the labels
    taken = AXIS + labels_width(span, plan.font) + LINE * plan.font * (len(lines) - 1)
    x = plan.labels + GAP - taken
    style = {"align": "center", "baseline": "bottom", "angle": 270, "fontWeight": "bold"}
    return panel([words(lines, x, plan.top / 2, plan.font, **style)], plan.labels, plan.top)


def estimates_panel(data: CurveData, rows: pd.DataFrame, span: Span, plan: Layout) -> alt.LayerChart:
    """Every universe drawn: interval if it has one, median (hollow if red); threshold, median of all, reference."""
    import altair as alt

    total, reds, kinds = len(data.universes), int((~rows["ok"]).sum()), data.kinds
    pitch = plan.main / total
    thin, dot = float(np.clip(0.65 * pitch, 0.12, 1.0)), float(np.clip(3 * pitch, 2.2, 16))
    ring = float(np.clip(0.6 * plan.main / max(reds, 1), 2.0, 3.7))  # many rings side by side must not hide the curve
    clipped = {name: rows[name].clip(*span) for name in ("median", "q2_5", "q25", "q75", "q97_5")}
    flags = {"side": sides(rows, data.threshold), **{name: rows[name] for name in ("rank", "ok", "reference")}}
    shape = {"shape": rows["interval"].map(SHAPES)} if kinds.mixed else {}
    base, x, y = alt.Chart(inline(pd.DataFrame(flags | shape | clipped))), rank_axis(total), value_axis(span, plan)
    bars = base.transform_filter("datum.q2_5 !== null") if kinds.none else base
    whole = bars.mark_rule(strokeWidth=thin).encode(x, y("q2_5"), alt.Y2("q97_5"), color=by_side("whole"))
    half = bars.mark_rule(strokeWidth=2 * thin).encode(x, y("q25"), alt.Y2("q75"), color=by_side("half"))
    shaped = {"shape": alt.Shape("shape:N", scale=None)} if kinds.mixed else {}
    green = base.transform_filter("datum.ok && !datum.reference").mark_point(filled=True, size=dot, opacity=1)
    red = base.transform_filter("!datum.ok && !datum.reference")
    red = red.mark_point(size=ring**2, fill="white", strokeWidth=0.21 * ring, opacity=1)
    layers = [*((whole, half) if kinds.told else ()), *_lines(data, span, y, plan.main)]
    layers.append(green.encode(x, y("median"), color=by_side("solid"), **shaped))
    layers.append(red.encode(x, y("median"), stroke=by_side("outline"), **shaped))
    if rows["reference"].any():
        layers += _reference(base, rows[rows["reference"]].iloc[0], x, y, total, span, plan)
    return panel(layers, plan.main, plan.top)


def side_panel(data: CurveData, span: Span, plan: Layout) -> alt.LayerChart:
    """The density of the green medians on the same y, and the words for the lines that cross it."""
    import altair as alt

    y = value_axis(span, None)
    room = plan.margin - text_width("threshold", plan.small) - 4
    inside = data.density[data.density["value"].between(*span)]
    layers: list[alt.Chart] = []
    if len(inside):
        area = alt.Chart(inline(inside)).mark_area(orient="horizontal", color="#D0D0D0")
        wide = alt.Scale(domain=[0, float(inside["density"].max())], range=[0, room], nice=False)
        layers.append(area.encode(y("value"), alt.X("density:Q", scale=wide, axis=None)))
    layers += _lines(data, span, y, room)
    named = {"median": data.summary.median} | ({"threshold": data.threshold} if data.threshold != 0 else {})
    size = span[1] - span[0]
    places = {name: (span[1] - value) / size * plan.top for name, value in named.items() if span[0] <= value <= span[1]}
    for name, place in spread(places, 2.2 * plan.font).items():
        text = [name, rounded(named[name], size)]
        layers.append(words(text, room + 3, place - plan.small / 2, plan.small, align="left", baseline="middle"))
    return panel(layers or [words([""], 0, 0, plan.small)], plan.margin, plan.top)


def spread(places: dict[str, float], apart: float) -> dict[str, float]:
    """The same places, two of them moved symmetrically so that they are at least `apart`."""
    if len(places) < 2:
        return places
    (one, a), (other, b) = sorted(places.items(), key=lambda item: item[1])
    push = max(0.0, apart - (b - a)) / 2
    return {one: a - push, other: b + push}


def value_axis(span: Span, plan: Layout | None) -> ValueAxis:
    """The shared y for a field of the data, with ticks and labels, or nothing drawn if `plan` is None."""
    import altair as alt

    scale, axis = alt.Scale(domain=list(span), nice=False, zero=False), None
    if plan is not None:
        values = ticks(span)
        style: dict[str, Any] = {"labelFontSize": plan.font, "labelColor": DARK, "labelPadding": 2, "tickSize": 3}
        style |= {"domainWidth": 0.6, "tickWidth": 0.6, "domainColor": DARK, "tickColor": DARK, "grid": False}
        axis = alt.Axis(values=values, format=tick_format(values), **style)
    return lambda field: alt.Y(f"{field}:Q", scale=scale, axis=axis, title=None)


def _lines(data: CurveData, span: Span, y: ValueAxis, across: float) -> list[alt.Chart]:
    import altair as alt

    lines = []
    for value, dash in ((data.threshold, [1, 0]), (data.summary.median, [3, 2])):
        if span[0] <= value <= span[1]:
            rule = alt.Chart(inline(pd.DataFrame({"at": [value]})))
            rule = rule.mark_rule(stroke=DARK, strokeWidth=0.6, strokeDash=dash)
            lines.append(rule.encode(y("at"), x=alt.value(0), x2=alt.value(across)))
    return lines


def _reference(
    base: alt.Chart, row: pd.Series, x: alt.X, y: ValueAxis, total: int, span: Span, plan: Layout
) -> list[alt.Chart]:
    import altair as alt

    only = base.transform_filter("datum.reference")
    no_bar = row["interval"] == NONE or plan.main / total < APART  # bars far apart stay whole
    begin = "median" if no_bar else "q2_5"
    leader = only.mark_rule(stroke=DARK, strokeWidth=0.5).encode(x, y(begin), y2=alt.value(plan.top + 4))
    style: dict[str, Any] = {"fill": DARK if row["ok"] else "white", "stroke": DARK, "strokeWidth": 0.8, "opacity": 1}
    mark = only.mark_point(shape="diamond", size=5 * plan.font, filled=True, **style).encode(x, y("median"))
    named = f"reference {rounded(row['median'], span[1] - span[0])}"
    half, place = text_width(named, plan.font, bold=True) / 2, (row["rank"] - 0.5) / total * plan.main
    shift = float(np.clip(place, half, plan.main - half) - place)
    text = only.mark_text(dx=shift, baseline="top", fontSize=plan.font, fontWeight="bold", color=DARK)
    return [leader, mark, text.encode(x, y=alt.value(plan.top + 5), text=alt.value(named))]

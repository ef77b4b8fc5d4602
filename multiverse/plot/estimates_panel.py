"""The upper half of a specification curve: estimates with intervals, the title of their axis, the density beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import rounded
from multiverse.plot.curve_data import CurveData
from multiverse.plot.inline import inline
from multiverse.plot.layout import Layout
from multiverse.plot.panel import by_side, panel, rank_axis, sides, words
from multiverse.plot.style import DARK
from multiverse.plot.text_width import text_width, wrap
from multiverse.plot.value_axis import Span, labels_width, tick_format, ticks

if TYPE_CHECKING:
    import altair as alt


def title_panel(title: str, span: Span, plan: Layout) -> alt.LayerChart:
    """What is estimated, turned upright, left of the axis of values and its labels."""
    lines = wrap(title, plan.top, plan.font, 2, bold=True)
    # a turned text of more lines grows to the right: its last line keeps clear of the labels
    x = plan.labels + 5 - 8 - labels_width(span, plan.font) - 1.15 * plan.font * (len(lines) - 1)
    style = {"align": "center", "baseline": "bottom", "angle": 270, "fontWeight": "bold"}
    return panel([words(lines, x, plan.top / 2, plan.font, **style)], plan.labels, plan.top)


def estimates_panel(data: CurveData, rows: pd.DataFrame, span: Span, plan: Layout) -> alt.LayerChart:
    """Every universe drawn: intervals, median (hollow if red); the threshold, the median of all, the reference."""
    import altair as alt

    total = len(data.universes)
    pitch = plan.main / total
    thin, dot = float(np.clip(0.65 * pitch, 0.12, 1.0)), float(np.clip(3 * pitch, 4, 16))
    clipped = {name: rows[name].clip(*span) for name in ("median", "q2_5", "q25", "q75", "q97_5")}
    flags = {
        "rank": rows["rank"],
        "side": sides(rows, data.threshold),
        "ok": rows["ok"],
        "reference": rows["reference"],
    }
    base = alt.Chart(inline(pd.DataFrame(flags | clipped)))
    x, scale, axis = rank_axis(total), alt.Scale(domain=list(span), nice=False, zero=False), _axis(span, plan)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=scale, axis=axis, title=None)

    whole = base.mark_rule(strokeWidth=thin).encode(x, y("q2_5"), alt.Y2("q97_5"), color=by_side("whole"))
    half = base.mark_rule(strokeWidth=2 * thin).encode(x, y("q25"), alt.Y2("q75"), color=by_side("half"))
    green = base.transform_filter("datum.ok && !datum.reference").mark_point(filled=True, size=dot, opacity=1)
    red = base.transform_filter("!datum.ok && !datum.reference").mark_point(
        size=14, fill="white", strokeWidth=0.8, opacity=1
    )
    layers = [whole, half, *_lines(data, span, y, plan.main)]
    layers += [
        green.encode(x, y("median"), color=by_side("solid")),
        red.encode(x, y("median"), stroke=by_side("outline")),
    ]
    if rows["reference"].any():
        layers += _reference(base, rows[rows["reference"]].iloc[0], x, y, total, span, plan)
    return panel(layers, plan.main, plan.top)


def side_panel(data: CurveData, span: Span, plan: Layout) -> alt.LayerChart:
    """The density of the green medians on the same y, and the words for the dashed line."""
    import altair as alt

    scale = alt.Scale(domain=list(span), nice=False, zero=False)
    room = plan.margin - text_width("threshold", plan.small) - 4
    inside = data.density[data.density["value"].between(*span)]
    layers: list[alt.Chart] = []
    if len(inside):
        area = alt.Chart(inline(inside)).mark_area(orient="horizontal", color="#D0D0D0")
        wide = alt.Scale(domain=[0, float(inside["density"].max())], range=[0, room], nice=False)
        layers.append(area.encode(alt.Y("value:Q", scale=scale, axis=None), alt.X("density:Q", scale=wide, axis=None)))
    layers += _lines(data, span, lambda name: alt.Y(f"{name}:Q", scale=scale, axis=None), room)
    height = {"median": data.summary.median} | ({"threshold": data.threshold} if data.threshold != 0 else {})
    places = spread(
        {k: (span[1] - v) / (span[1] - span[0]) * plan.top for k, v in height.items() if span[0] <= v <= span[1]},
        2.2 * plan.font,
    )
    for name, place in places.items():
        text = [name, rounded(height[name], span[1] - span[0])]
        layers.append(words(text, room + 3, place - plan.small / 2, plan.small, align="left", baseline="middle"))
    return panel(layers or [words([""], 0, 0, plan.small)], plan.margin, plan.top)


def spread(places: dict[str, float], apart: float) -> dict[str, float]:
    """The same places, two of them moved symmetrically so that they are at least `apart`."""
    if len(places) < 2:
        return places
    (one, a), (other, b) = sorted(places.items(), key=lambda item: item[1])
    push = max(0.0, apart - (b - a)) / 2
    return {one: a - push, other: b + push}


def _lines(data: CurveData, span: Span, y: Callable[[str], alt.Y], across: float) -> list[alt.Chart]:
    import altair as alt

    lines = []
    for value, dash in ((data.threshold, [1, 0]), (data.summary.median, [3, 2])):
        if span[0] <= value <= span[1]:
            rule = alt.Chart(inline(pd.DataFrame({"at": [value]}))).mark_rule(
                stroke=DARK, strokeWidth=0.6, strokeDash=dash
            )
            lines.append(rule.encode(y("at"), x=alt.value(0), x2=alt.value(across)))
    return lines


def _reference(
    base: alt.Chart, row: pd.Series, x: alt.X, y: Callable[[str], alt.Y], total: int, span: Span, plan: Layout
) -> list[alt.Chart]:
    import altair as alt

    only = base.transform_filter("datum.reference")
    leader = only.mark_rule(stroke=DARK, strokeWidth=0.5).encode(x, y("q2_5"), y2=alt.value(plan.top + 4))
    fill = DARK if row["ok"] else "white"
    mark = only.mark_point(
        shape="diamond", size=5 * plan.font, filled=True, fill=fill, stroke=DARK, strokeWidth=0.8, opacity=1
    ).encode(x, y)
    named = f"reference {rounded(row['median'], span[1] - span[0])}"
    half, place = text_width(named, plan.font, bold=True) / 2, (row["rank"] - 0.5) / total * plan.main
    shift = float(np.clip(place, half, plan.main - half) - place)
    text = only.mark_text(dx=shift, baseline="top", fontSize=plan.font, fontWeight="bold", color=DARK)
    return [leader, mark, text.encode(x, y=alt.value(plan.top + 5), text=alt.value(named))]


def _axis(span: Span, plan: Layout) -> alt.Axis:
    import altair as alt

    values = ticks(span)
    style: dict[str, Any] = {"labelFontSize": plan.font, "labelColor": DARK, "labelPadding": 2, "tickSize": 3}
    style |= {"domainWidth": 0.6, "tickWidth": 0.6, "domainColor": DARK, "tickColor": DARK, "grid": False}
    return alt.Axis(values=values, format=tick_format(values), **style)

"""A page of lines, boxes and texts at places in points, and the chart that draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from multiverse.plot.inline import inline
from multiverse.plot.panel import panel
from multiverse.plot.style import DARK, FONT

if TYPE_CHECKING:
    import altair as alt

Point = tuple[float, float]


class Line(NamedTuple):
    """A smooth line through these points (or, with two, a straight one)."""

    points: tuple[Point, ...]
    color: str
    width: float
    dashed: bool = False


class Box(NamedTuple):
    """A rectangle with round corners, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str
    dashed: bool = False
    corner: float = 2.5


class Text(NamedTuple):
    """One line of text, its middle at y; align: left, center or right of x."""

    text: str
    x: float
    y: float
    size: float
    align: str = "left"
    color: str = DARK
    bold: bool = False


@dataclass(frozen=True)
class Sheet:
    """Everything that is drawn: lines below boxes, the rounder ones above, below texts."""

    width: float
    height: float
    lines: tuple[Line, ...]
    boxes: tuple[Box, ...]
    texts: tuple[Text, ...]


def drawn_sheet(sheet: Sheet, padding: float) -> alt.LayerChart:
    """The sheet as an Altair chart, one pixel a point, with this much white around it."""
    import altair as alt

    x = alt.Scale(domain=[0, sheet.width], nice=False, zero=False)
    y = alt.Scale(domain=[0, sheet.height], nice=False, zero=False, reverse=True)
    layers = [*_lines(sheet.lines, x, y), *_boxes(sheet.boxes, x, y), *_texts(sheet.texts, x, y)]
    chart = panel(layers, sheet.width, sheet.height)
    chart.autosize = alt.AutoSizeParams(type="none")  # the page is as large as was laid out, to the point
    chart.config = alt.Config(
        font=FONT, padding=padding, aria=False, background="white", view=alt.ViewConfig(stroke=None)
    )
    return chart


def _lines(lines: Sequence[Line], x: Any, y: Any) -> list[alt.Chart]:
    import altair as alt

    layers = []
    for some in _runs(lines, ("dashed",)):
        rows = [
            (number, order, px, py, line.color, line.width)
            for number, line in enumerate(some)
            for order, (px, py) in enumerate(line.points)
        ]
        table = pd.DataFrame(rows, columns=["line", "order", "x", "y", "color", "width"])
        style: dict[str, Any] = {"strokeDash": [2.5, 2]} if some[0].dashed else {}
        mark = alt.Chart(inline(table)).mark_line(interpolate="basis", strokeCap="butt", **style)
        layers.append(
            mark.encode(
                alt.X("x:Q", scale=x, axis=None),
                alt.Y("y:Q", scale=y, axis=None),
                detail="line:N",
                order="order:Q",
                stroke=alt.Stroke("color:N", scale=None),
                strokeWidth=alt.StrokeWidth("width:Q", scale=None),
            )
        )
    return layers


def _boxes(boxes: Sequence[Box], x: Any, y: Any) -> list[alt.Chart]:
    import altair as alt

    layers = []
    for some in sorted(_runs(boxes, ("dashed", "corner")), key=lambda run: run[0].corner):  # circles lie on boxes
        table = pd.DataFrame(
            [(b.x, b.y, b.x + b.width, b.y + b.height, b.fill, b.stroke) for b in some],
            columns=["x", "y", "right", "bottom", "fill", "stroke"],
        )
        style: dict[str, Any] = {"strokeDash": [1.8, 1.6]} if some[0].dashed else {}
        mark = alt.Chart(inline(table)).mark_rect(cornerRadius=some[0].corner, strokeWidth=0.6, opacity=1, **style)
        layers.append(
            mark.encode(
                alt.X("x:Q", scale=x, axis=None),
                alt.Y("y:Q", scale=y, axis=None),
                x2="right",
                y2="bottom",
                fill=alt.Fill("fill:N", scale=None),
                stroke=alt.Stroke("stroke:N", scale=None),
            )
        )
    return layers


def _texts(texts: Sequence[Text], x: Any, y: Any) -> list[alt.Chart]:
    import altair as alt

    layers = []
    for some in _runs(texts, ("align", "bold", "size")):
        table = pd.DataFrame([(t.text, t.x, t.y, t.color) for t in some], columns=["text", "x", "y", "color"])
        first = some[0]
        style: dict[str, Any] = {"fontWeight": "bold"} if first.bold else {}
        mark = alt.Chart(inline(table)).mark_text(align=first.align, baseline="middle", fontSize=first.size, **style)
        layers.append(
            mark.encode(
                alt.X("x:Q", scale=x, axis=None),
                alt.Y("y:Q", scale=y, axis=None),
                alt.Text("text:N"),
                color=alt.Color("color:N", scale=None),
            )
        )
    return layers


def _runs(marks: Sequence[Any], by: tuple[str, ...]) -> list[list[Any]]:
    """The marks by their style, each style in the order of its first mark: what Vega cannot set mark by mark."""
    runs: dict[tuple[Any, ...], list[Any]] = {}
    for mark in marks:
        runs.setdefault(tuple(getattr(mark, name) for name in by), []).append(mark)
    return list(runs.values())

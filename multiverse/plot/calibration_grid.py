"""Small panels side by side, of one size and with an axis each: what the figures of calibration are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd

from multiverse.plot.inline import inline
from multiverse.plot.layout import NARROW_MM, PADDING, millimetres, nice_step
from multiverse.plot.panel import panel, words
from multiverse.plot.style import DARK, FONT, MM_PER_INCH, PALE_LINE, POINTS_PER_INCH
from multiverse.plot.text_width import shorten
from multiverse.plot.value_axis import tick_format

if TYPE_CHECKING:
    import altair as alt

BESIDE, BELOW, ABOVE = 31.0, 31.0, 22.0  # points left of, below and above a panel: its axes and their titles, its own
EDGE, RIGHT = 1.0, 7.0  # points of a panel without width; right of the last panel, for half a label
HIGH: Final = 0.8  # height of a panel in its width, and at most so many points
HIGH_MOST: Final = 120.0
COLUMNS_NARROW, COLUMNS_WIDE = 2, 4
FEW_TICKS: Final = 4  # steps between them at most, on an axis of a small panel


class Cell(NamedTuple):
    """One panel: its titles, where its axes reach, and what is drawn given its scales x and y."""

    title: str
    note: str
    x: tuple[float, float]
    y: tuple[float, float]
    layers: Callable[[Any, Any], Sequence[Any]]
    x_title: str
    y_title: str


def columns(width: str | float, cells: int) -> int:
    """How many panels stand side by side."""
    return max(1, min(cells, COLUMNS_NARROW if millimetres(width) < NARROW_MM else COLUMNS_WIDE))


def grid(rows: Sequence[Sequence[Cell]], width: str | float) -> alt.VConcatChart:
    """Rows of panels as an Altair chart, one pixel a point, exactly `width` wide; the longest row fills it.

    Raises ResultError for a width that is none.
    """
    import altair as alt

    page = millimetres(width) / MM_PER_INCH * POINTS_PER_INCH - 2 * PADDING
    many = max(len(row) for row in rows)
    wide = (page - EDGE - RIGHT) / many - BESIDE
    high = min(HIGH * wide, HIGH_MOST)
    font, small = (6.0, 5.5) if millimetres(width) < NARROW_MM else (7.0, 6.0)
    cells: list[alt.LayerChart] = []
    for row in rows:
        cells.append(_empty(EDGE, high))  # the axes of the first panel are drawn in the room after it
        cells += [_panel(cell, wide, high, font, small) for cell in row]
        cells += [_empty(wide, high)] * (many - len(row))
    room = {"row": BELOW + ABOVE, "column": BESIDE}
    # flush: axes and texts beside a panel must not push the panels out of line
    panels = alt.concat(*cells, columns=many + 1, bounds="flush", align="none", spacing=room)
    config = alt.Config(font=FONT, padding=PADDING, aria=False, background="white", view=alt.ViewConfig(stroke=None))
    strips = _empty(page, ABOVE), _empty(page, BELOW)
    return alt.VConcatChart(vconcat=[strips[0], panels, strips[1]], bounds="flush", spacing=0, config=config)


def _empty(wide: float, high: float) -> alt.LayerChart:
    """Room on the page, in which nothing is drawn."""
    return panel([words([" "], 0, 0, 1.0)], wide, high)


def _panel(cell: Cell, wide: float, high: float, font: float, small: float) -> alt.LayerChart:
    import altair as alt

    x, y = (_axis(span, small) for span in (cell.x, cell.y))
    layers = list(cell.layers(_field(alt.X, x), _field(alt.Y, y)))
    title = shorten(cell.title, wide, font, bold=True)
    layers.append(words([title], 0, -font - 5, font, align="left", baseline="bottom", fontWeight="bold"))
    layers.append(words([shorten(cell.note, wide, small)], 0, -4, small, align="left", baseline="bottom"))
    layers.append(words([cell.x_title], wide / 2, high + 4 + 2.6 * small, small, align="center", baseline="middle"))
    style = {"align": "center", "baseline": "bottom", "angle": 270}
    layers.append(words([cell.y_title], 4 - BESIDE + small, high / 2, small, **style))
    return panel(layers, wide, high)


def _axis(span: tuple[float, float], small: float) -> dict[str, Any]:
    import altair as alt

    step = nice_step((span[1] - span[0]) / FEW_TICKS, (1, 2, 5, 10))
    first, last = math.ceil(span[0] / step - 1e-9), math.floor(span[1] / step + 1e-9)
    values = [float(f"{place * step:.12g}") for place in range(first, last + 1)]
    axis = alt.Axis(
        values=values,
        format=tick_format(values),
        title=None,
        grid=False,
        labelFontSize=small,
        labelColor=DARK,
        labelOverlap=False,
        labelFlush=False,
        labelPadding=2,
        tickSize=3,
        tickColor=DARK,
        domainColor=DARK,
        tickWidth=0.6,
        domainWidth=0.6,
    )
    return {"scale": alt.Scale(domain=list(span), nice=False, zero=False), "axis": axis}


def _field(kind: Any, axis: dict[str, Any]) -> Callable[[str], Any]:
    """`x("truth")` encodes the field on the panel's axis."""
    return lambda name: kind(f"{name}:Q", **axis)


def line(points: pd.DataFrame, x: Any, y: Any, names: tuple[str, str], **style: Any) -> alt.Chart:
    """A line through these points, in their order."""
    import altair as alt

    base = alt.Chart(inline(points.assign(at=range(len(points))))).mark_line(**{"color": DARK} | style)
    drawn: alt.Chart = base.encode(x(names[0]), y(names[1]), order="at:Q")
    return drawn


def straight(ends: Sequence[tuple[float, float]], x: Any, y: Any) -> alt.Chart:
    """A thin line between two places, such as the diagonal."""
    points = pd.DataFrame(ends, columns=["a", "b"])
    return line(points, x, y, ("a", "b"), color=PALE_LINE, strokeWidth=0.6, strokeDash=[2, 2])


def around(*values: float, least: float = 0.0) -> tuple[float, float]:
    """An axis that holds these values with some air; at least so long."""
    some = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(some), max(some)
    size = max(high - low, least, 1e-9 * max(abs(low), abs(high)), 1e-300)
    middle = (low + high) / 2
    return middle - 0.54 * size, middle + 0.54 * size

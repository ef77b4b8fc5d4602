"""The key above a specification curve: what colours, hollow marks and bars mean, in one line or as many as it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from multiverse.aggregate.intervals import NONE
from multiverse.plot.curve_data import CurveData, sides, verdicts
from multiverse.plot.inline import inline
from multiverse.plot.layout import PADDING, Layout
from multiverse.plot.panel import panel
from multiverse.plot.style import DARK, HUES, SHAPES
from multiverse.plot.text_width import text_width

if TYPE_CHECKING:
    import altair as alt

SYMBOL, BETWEEN = 8.0, 8.0  # points taken by a symbol; between two entries


class Entry(NamedTuple):
    """One entry: its words, its mark (a shape of a point, bars or none), its colours, and where it stands."""

    words: str
    mark: str
    fill: str
    stroke: str
    x: float = 0.0
    line: int = 0


def entries(data: CurveData, rows: pd.DataFrame) -> list[Entry]:
    """The entries that this figure needs: verdicts, kinds of interval and hollow marks only where they occur."""
    seen, kinds = set(sides(rows, data.threshold).tolist()), data.kinds
    by = ["95% interval"] * bool(kinds.told) + ["number" if kinds.told else "estimate"] * bool(kinds.none)
    out = [Entry(" or ".join(by), "none", DARK, DARK)]
    for side, (words, hue) in zip((-1, 0, 1), zip(verdicts(data.threshold), HUES, strict=True), strict=True):
        if side in seen:
            out.append(Entry(words, "circle", hue.solid, hue.solid))
    if kinds.told:
        out.append(Entry(" ".join(f"50% and 95% {kinds.adjective} intervals".split()), "bars", DARK, DARK))
    if kinds.mixed:
        named = {kind: kind for kind in kinds._fields} | {NONE: "number"}
        some = [kind for kind, n in kinds._asdict().items() if n]
        out += [Entry(named[kind], SHAPES[kind], DARK, DARK) for kind in some]
    if not rows["ok"].all():
        out.append(Entry("fails the gate", "circle", "white", DARK))
    return out


def place(found: list[Entry], room: float, size: float) -> list[Entry]:
    """The entries set one after another; where they do not fit in one line, the bars begin the second, and so on."""
    x, line, out = 0.0, 0, []
    wide = [text_width(entry.words, size) + (4 if entry.mark == "none" else SYMBOL + BETWEEN) for entry in found]
    too_long = sum(wide) - BETWEEN > room
    for entry, step in zip(found, wide, strict=True):
        if x and (x + step - BETWEEN > room or (too_long and entry.mark == "bars")):
            x, line = 0.0, line + 1
        out.append(entry._replace(x=x, line=line))
        x += step
    return out


def key_panel(data: CurveData, rows: pd.DataFrame, plan: Layout) -> alt.LayerChart:
    """The entries of `entries`, drawn over the whole width."""
    import altair as alt

    room = plan.width - 2 * PADDING
    found = place(entries(data, rows), room, plan.font)
    step = plan.font * 1.5
    table = pd.DataFrame(found).assign(y=lambda t: (t["line"] + 0.5) * step)
    table["left"] = table["x"] + 3.2  # half a point with its outline, and air
    table["text"] = table["x"] + (table["mark"] != "none") * SYMBOL
    height = step * (1 + max(entry.line for entry in found))
    x, y = alt.Scale(domain=[0, room], nice=False), alt.Scale(domain=[0, height], reverse=True, nice=False)
    base = alt.Chart(inline(table[["words", "mark", "fill", "stroke", "left", "text", "y"]]))
    at, up = alt.X("left:Q", scale=x, axis=None), alt.Y("y:Q", scale=y, axis=None)
    dots = base.transform_filter("datum.mark != 'bars' && datum.mark != 'none'").mark_point(
        filled=True, size=22, strokeWidth=0.8, opacity=1
    )
    bars = base.transform_filter("datum.mark == 'bars'").transform_calculate(
        low="datum.y - 4", high="datum.y + 4", from_="datum.y - 2", to="datum.y + 2"
    )
    thin = bars.mark_rule(strokeWidth=1, color="#BBBBBB").encode(at, alt.Y("low:Q", scale=y, axis=None), alt.Y2("high"))
    thick = bars.mark_rule(strokeWidth=2, color="#777777").encode(
        at, alt.Y("from_:Q", scale=y, axis=None), alt.Y2("to")
    )
    words = base.mark_text(align="left", baseline="middle", fontSize=plan.font, color=DARK)
    layers = [
        dots.encode(
            at,
            up,
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("stroke:N", scale=None),
            shape=alt.Shape("mark:N", scale=None),
        ),
        thin,
        thick,
        words.encode(alt.X("text:Q", scale=x, axis=None), up, alt.Text("words:N")),
    ]
    return panel(layers, room, height)

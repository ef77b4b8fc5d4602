"""What the panels of a curve share: their frame, the x of ranks, the colours of verdicts, a piece of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from multiverse.plot.inline import inline
from multiverse.plot.style import DARK, HUES

if TYPE_CHECKING:
    import altair as alt

LINE = 1.15  # distance of lines of text, in font sizes


def panel(layers: list[alt.Chart], width: float, height: float) -> alt.LayerChart:
    """The layers on top of each other in a frame of this size, in points."""
    import altair as alt

    return alt.LayerChart(layer=layers, width=width, height=height)


def words(lines: list[str], x: float, y: float, size: float, **style: Any) -> alt.Chart:
    """A text of one or more lines at a place of the panel, in points from its upper left corner."""
    import altair as alt

    mark = alt.MarkDef(type="text", fontSize=size, lineHeight=LINE * size, **{"color": DARK} | style)
    text = alt.value(lines if len(lines) > 1 else lines[0])
    here = alt.Chart(inline(pd.DataFrame({"one": [1]})), mark=mark)
    return here.encode(x=alt.value(x), y=alt.value(y), text=text)


def rank_axis(total: int) -> alt.X:
    """The shared x: the rank of a universe, half a place of room at both ends, nothing drawn."""
    import altair as alt

    return alt.X("rank:Q", scale=alt.Scale(domain=[0.5, total + 0.5], nice=False, zero=False), axis=None)


def by_side(strength: str) -> Any:
    """A colour that depends on the field `side`, in one of the strengths of a `Hue`."""
    import altair as alt

    below, holds, above = (getattr(hue, strength) for hue in HUES)
    first = alt.when(alt.datum.side == -1).then(alt.value(below))
    return first.when(alt.datum.side == 0).then(alt.value(holds)).otherwise(alt.value(above))

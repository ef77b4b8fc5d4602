"""The specification curve: sorted estimates above, the options behind each of them below, drawn with Altair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiverse.aggregate.printing import count
from multiverse.plot.curve_data import CurveData
from multiverse.plot.decimate import DRAWN_MOST, drawn
from multiverse.plot.estimates_panel import estimates_panel, side_panel, title_panel
from multiverse.plot.key_panel import key_panel
from multiverse.plot.layout import GAP, PADDING, layout
from multiverse.plot.margin_panel import margin_panel
from multiverse.plot.options_panel import labels_panel, ticks_panel
from multiverse.plot.style import FONT
from multiverse.plot.value_axis import value_span

if TYPE_CHECKING:
    import altair as alt


def curve(
    data: CurveData, *, width: str | float = "183mm", title_y: str | None = None, most: int = DRAWN_MOST
) -> alt.VConcatChart:
    """The specification curve as an Altair chart, one pixel a point (1/72 inch), exactly `width` wide.

    width: "89mm", "183mm" or millimetres from 70 to 420; title_y: what is estimated, in words (the estimand's name by
    default); most: universes drawn of a very large multiverse (`decimate.drawn`). Above: the estimates with 50% and
    95% intervals where they have one, at the side the density of the medians. Below, on the same x: one row an option;
    right, the shift and the share of the variance. Raises ResultError for a width that is none.
    """
    import altair as alt

    plan = layout(data, width)
    rows = drawn(data.universes, most)
    span = value_span(rows, data.threshold)
    title = data.estimand if title_y is None else title_y
    cells = [title_panel(title, span, plan), estimates_panel(data, rows, span, plan), side_panel(data, span, plan)]
    if len(data.heads):
        counts, shown = data.summary.counts, count(len(data.universes), "universe")
        if counts.unanswered:  # whoever sees the figure without its caption shall know
            shown = f"partial: {len(data.universes):,} of {count(counts.planned, 'universe')}"
        under = f"{shown}, sorted by {data.kinds.middle('median', 'estimate')}"
        cells += [labels_panel(data, plan), ticks_panel(data, rows, plan, under), margin_panel(data, plan)]
    # flush: axes and texts beside a panel must not push the panels out of line
    grid = alt.concat(*cells, columns=3, bounds="flush", align="none", spacing={"row": plan.between, "column": GAP})
    config = alt.Config(font=FONT, padding=PADDING, aria=False, background="white", view=alt.ViewConfig(stroke=None))
    return alt.VConcatChart(vconcat=[key_panel(data, rows, plan), grid], bounds="flush", spacing=6, config=config)

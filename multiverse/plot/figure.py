"""The figure a user holds: it shows itself in a notebook, and saves itself with its data and caption beside it."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiverse.aggregate.attribution import Attribution
from multiverse.aggregate.estimates import Estimates
from multiverse.errors import Problem, ResultError
from multiverse.plot.caption import caption
from multiverse.plot.curve import curve
from multiverse.plot.curve_data import curve_data
from multiverse.plot.layout import millimetres
from multiverse.plot.render import PPI, SUFFIXES, render

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    Chart = alt.VConcatChart | alt.LayerChart


@dataclass(frozen=True, eq=False, repr=False)
class Figure:
    """A picture of results with what it shows, to look at and to save.

    `draw(width)` makes the Altair chart, `table` is the data behind it, `describe(width)` says what it shows, `width`
    is how wide it shows itself.
    """

    draw: Callable[[str | float], Chart]
    table: pd.DataFrame
    describe: Callable[[str | float], str]
    width: str | float = "183mm"

    @property
    def chart(self) -> Chart:
        """The Altair chart at this figure's width, to change or to combine."""
        return self.draw(self.width)

    @property
    def caption(self) -> str:
        """What the figure shows at its width, in sentences; one paragraph."""
        return self.describe(self.width)

    def save(self, path: str | Path, *, width: str | float | None = None, ppi: float = PPI) -> tuple[Path, Path, Path]:
        """Write the figure, and beside it its data as CSV and its caption as text; returns the three paths.

        path: ends in .svg, .pdf or .png; the others get its name with .data.csv and .caption.txt. All three are
        overwritten. width: "89mm", "183mm" or millimetres; ppi: pixels an inch of a PNG. Missing folders are made.
        Raises ResultError for another suffix or width.
        """
        path, width = Path(path), self.width if width is None else width
        mm, suffix = millimetres(width), checked_suffix(path)
        drawn = render(self.draw(width), suffix, mm, ppi=ppi)
        path.parent.mkdir(parents=True, exist_ok=True)
        data, words = path.with_suffix(".data.csv"), path.with_suffix(".caption.txt")
        path.write_bytes(drawn)
        data.write_text(self.table.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
        words.write_text(self.describe(width) + "\n", encoding="utf-8")
        return path, data, words

    def svg(self) -> str:
        """The figure as the text of an SVG file."""
        return render(self.chart, ".svg", millimetres(self.width)).decode()

    def __repr__(self) -> str:
        return f"Figure of {len(self.table):,} rows, {millimetres(self.width):g} mm wide. {self.caption}"

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg()}<figcaption>{html.escape(self.caption)}</figcaption></figure>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


def checked_suffix(path: Path) -> str:
    """The kind of figure that a file name asks for, ".pdf" say. Raises ResultError where it asks for none we draw."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        what = f"{path.name!r} does not say what kind of figure it is."
        mend = f"write {str(path.with_suffix('.pdf'))!r}"
        raise ResultError(Problem(what, f"a name that ends in {', '.join(SUFFIXES)}", mend))
    return suffix


def specification_curve(
    estimates: Estimates,
    shares: Attribution | None = None,
    *,
    title_y: str | None = None,
    threshold: float = 0.0,
    width: str | float = "183mm",
) -> Figure:
    """The specification curve of these estimates as a figure that shows and saves itself.

    shares: their attribution, if at hand; title_y: what is estimated, in words; threshold: the value, on the
    estimand's scale, that intervals are compared with; width: "89mm", "183mm" or millimetres, for showing and, unless
    told otherwise, for saving. Raises ResultError if no universe has numbers, or for a threshold or a width that is
    none.
    """
    millimetres(width)
    data = curve_data(estimates, shares, threshold=threshold)

    def draw(width: str | float) -> alt.VConcatChart:
        return curve(data, width=width, title_y=title_y)

    words = caption(data, title_y=title_y)
    return Figure(draw, data.universes, lambda _: words, width)

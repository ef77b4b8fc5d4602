"""Where everything stands on the page: all widths, heights and places of a specification curve, in points."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiverse.errors import Problem, ResultError
from multiverse.plot.curve_data import CurveData
from multiverse.plot.style import MM_PER_INCH, POINTS_PER_INCH
from multiverse.plot.text_width import shorten, text_width

NARROW_MM = 120  # below this a figure is for one column of a journal (Nature: 89 mm one column, 183 mm two)
LEAST_MM, MOST_MM = 70.0, 420.0  # below, the labels leave no room for the curve; above, it is no page (A3 is 420 mm)
PADDING, GAP = 2.0, 5.0  # points around the figure; between columns


@dataclass(frozen=True)
class Row:
    """One line of the option panel: its text, place from the panel's top, and whether it is a decision's name."""

    decision: str
    label: str
    text: str
    y: float
    is_name: bool


@dataclass(frozen=True)
class Layout:
    """Sizes in points: columns labels | main | margin (shift and share), the curve above the option panel."""

    width: float
    font: float
    small: float
    labels: float
    main: float
    shift: float
    share: float
    top: float
    between: float
    row: float
    height: float
    rows: tuple[Row, ...]

    @property
    def margin(self) -> float:
        """Width of the column to the right of the curve."""
        return self.shift + self.share

    @property
    def options(self) -> pd.DataFrame:
        """decision, label, y: the middle of each option's row."""
        found = [(row.decision, row.label, row.y) for row in self.rows if not row.is_name]
        return pd.DataFrame(found, columns=["decision", "label", "y"])


def millimetres(width: str | float) -> float:
    """A width as millimetres: `"89mm"`, `"183 mm"` or a number; ResultError if it is none or no page is that wide."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:mm)?\s*", str(width))
    if not found or not LEAST_MM <= float(found[1]) <= MOST_MM:
        expected = f"millimetres between {LEAST_MM:g} and {MOST_MM:g}"
        mend = "write 89mm (one column of a journal) or 183mm (two)"
        raise ResultError(Problem(f"the width of the figure is {width!r}.", expected, mend))
    return float(found[1])


def layout(data: CurveData, width: str | float) -> Layout:
    """Places for this curve at this width: long labels are shortened, names stand on lines of their own if narrow."""
    mm = millimetres(width)
    narrow = mm < NARROW_MM
    total = mm / MM_PER_INCH * POINTS_PER_INCH
    font, small = (6.0, 5.5) if narrow else (7.0, 6.5)
    shift, share = (32.0, 21.0) if narrow else (52.0, 28.0)
    row = 7.6 if narrow else 9.0
    names = [text_width(name, font, bold=True) for name in data.heads["decision"]]
    words = [text_width(label, font) for label in data.options["label"]]
    most = 0.34 * total
    both = max(names, default=0) + 8 + max(words, default=0)
    own_line = narrow or both > most  # the decision's name stands above its options, not beside the first
    wanted = max(words, default=0) + 6 if own_line else both
    labels = float(np.clip(np.ceil(wanted + 4), 54.0 if narrow else 84.0, most))
    main = total - 2 * PADDING - 2 * GAP - labels - shift - share
    rows, height = _rows(data, own_line, row, labels, labels + GAP + main, font)
    top = 92.0 if narrow else 138.0
    between = 24.0 if narrow else 28.0
    return Layout(total, font, small, labels, main, shift, share, top, between, row, height, rows)


def _rows(
    data: CurveData, own_line: bool, row: float, labels: float, across: float, font: float
) -> tuple[tuple[Row, ...], float]:
    rows, y = [], 0.0
    for place, name in enumerate(data.heads["decision"]):
        y += row * ((0.35 if own_line else 0.65) if place else 0)
        room = across if own_line else labels
        rows.append(Row(name, "", shorten(name, room, font, bold=True), y + row / 2, True))
        y += row if own_line else 0
        for label in data.options.loc[data.options["decision"] == name, "label"]:
            rows.append(Row(name, label, shorten(label, labels - 4, font), y + row / 2, False))
            y += row
    return tuple(rows), max(y, 1.0)


def nice_reach(shifts: np.ndarray) -> float:
    """The smallest round number at which the largest shift, either way, still fits; 1 where there is none."""
    largest = float(np.nanmax(np.abs(shifts))) if np.isfinite(shifts).any() else 0.0
    return nice_step(largest, (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)) if largest else 1.0


def nice_step(least: float, steps: tuple[float, ...]) -> float:
    """The smallest of `steps` times a power of ten that is at least `least` (above 0)."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(f"{power * next(s for s in steps if s * power >= least * (1 - 1e-9)):.3g}")

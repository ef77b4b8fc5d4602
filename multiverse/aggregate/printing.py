"""How an aggregate shows itself: the same title, rows and notes as text in a terminal and as a table in a notebook."""

from __future__ import annotations

import html
import math
from abc import ABC, abstractmethod
from typing import NamedTuple


class Printed(NamedTuple):
    """What is shown: a title, a header, rows of words as wide as the header, and notes below."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Title, aligned columns (the first to the left, the others to the right) and notes, one a line."""
        lines = [self.header, *self.rows] if self.rows else []
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        cells = (
            [
                word.rjust(width) if i else word.ljust(width)
                for i, (word, width) in enumerate(zip(line, widths, strict=True))
            ]
            for line in lines
        )
        return "\n".join(
            [self.title, *("  " + "  ".join(line).rstrip() for line in cells), *("  " + n for n in self.notes)]
        )

    def said(self) -> Printed:
        """Without the columns in which no row says anything."""
        kept = [any(row[i] not in ("", "-") for row in self.rows) or not i for i in range(len(self.header))]
        cells = [tuple(word for word, keep in zip(row, kept, strict=True) if keep) for row in (self.header, *self.rows)]
        return self._replace(header=cells[0], rows=tuple(cells[1:]))

    def html(self) -> str:
        """One HTML table, aligned as the text is; every word is escaped."""
        head = _cells("th", self.header)
        body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in self.rows)
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if self.rows else ""
        return f"<div><b>{html.escape(self.title)}</b>{table}{notes}</div>"


def _cells(tag: str, words: tuple[str, ...]) -> str:
    """The words of a row as cells: the first to the left, the others to the right, none broken over lines."""
    sides = ["right" if i else "left" for i in range(len(words))]
    return "".join(
        f'<{tag} style="text-align:{side};white-space:nowrap">{html.escape(word)}</{tag}>'
        for word, side in zip(words, sides, strict=True)
    )


class Shown(ABC):
    """Gives a value that knows `printed()` its text and its notebook form."""

    @abstractmethod
    def printed(self) -> Printed:
        """Title, rows and notes of this value."""

    def __str__(self) -> str:
        return self.printed().text()

    def __repr__(self) -> str:
        return self.printed().text()

    def _repr_html_(self) -> str:
        return self.printed().html()


def number(value: float) -> str:
    """Three significant digits with a true minus, `"-"` where there is no number."""
    if not math.isfinite(value):
        return "-"
    if 1e3 <= abs(value) < 1e7:
        text = f"{float(f'{value:.3g}'):,.0f}"
    else:
        mantissa, _, power = f"{value:.3g}".partition("e")
        text = mantissa + (f"e{int(power)}" if power else "")
    return text.replace("-", "\N{MINUS SIGN}")


def rounded(value: float, size: float) -> str:
    """The value to about a hundredth of `size`, the range that it lies in, with a true minus."""
    if not (math.isfinite(value) and 1e-3 < size < 1e7):
        return number(value)
    text = f"{value:,.{max(0, round(2 - math.log10(size)))}f}"
    return (text if text.strip("-0.,") else text.lstrip("-")).replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """A share of one as a whole percentage, `"-"` where there is none; never 0% or 100% for what is not."""
    if not math.isfinite(share):
        return "-"
    if share < 0:
        return f"\N{MINUS SIGN}{-share:.0%}" if share <= -0.005 else ">\N{MINUS SIGN}1%"
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def count(n: int, noun: str) -> str:
    """`1 universe`, `2,000 universes`."""
    plural = noun[:-2] + "es" if noun.endswith("is") else noun + "s"
    return f"{n:,} {noun if n == 1 else plural}"

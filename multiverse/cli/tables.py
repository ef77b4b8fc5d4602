"""Tables that fit the terminal: long cells are cut with an ellipsis, columns that do not fit are named below."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from multiverse.cli.cells import is_number, said

CELL: Final = 28  # characters of a cell, where there are several columns
SHORT: Final = 12  # the same, where columns would be left out: enough of a key to tell it from others
NARROW: Final = 8  # the least that a long column is cut to before another is left out for it
PROSE: Final = 100  # characters of a line, where there is no terminal to ask
PROSE_LEAST: Final = 24  # a column of prose is never narrower
GAP: Final = 2  # blanks between columns


def echo_table(header: Sequence[str], rows: Iterable[Sequence[Any]], *, indent: int = 0, prose: str = "") -> None:
    """Print a table on stdout, as wide as the terminal; where stdout is no terminal, with all its columns.

    prose: the column whose cells are wrapped, not cut; it takes the room that the others leave.
    """
    width = terminal_width() or (PROSE if prose else None)
    text, left_out = table(header, list(rows), width=width, prose=prose, indent=indent)
    click.echo(text)
    if left_out:
        echo_prose(f"... and {len(left_out)} more columns: {', '.join(left_out)}", indent=indent)


def echo_prose(text: str, *, indent: int = 0) -> None:
    """Print a sentence, wrapped to the terminal."""
    margin = " " * indent
    lines = textwrap.wrap(
        text, max((terminal_width() or PROSE) - 1, PROSE_LEAST), initial_indent=margin, subsequent_indent=margin + "  "
    )
    click.echo("\n".join(lines))


def terminal_width() -> int | None:
    """The columns of the terminal, or those that COLUMNS says; None where stdout is a pipe or a file."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def table(
    header: Sequence[str], rows: Sequence[Sequence[Any]], *, width: int | None, prose: str = "", indent: int = 0
) -> tuple[str, list[str]]:
    """The table as text at most `width` columns wide (None: as wide as it is), and the columns that did not fit."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    header = [" ".join(name.split()) for name in header]
    words = [[said(value) for value in row] for row in rows]
    room = None if width is None else max(width - indent, PROSE_LEAST)
    sizes = _sizes(header, words, room, prose)
    right = [any(map(is_number, column)) for column in zip(*rows, strict=True)] or [False] * len(header)
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for name, size, numbers in zip(header, sizes, right, strict=True):
        if size:
            wrap = name == prose
            drawn.add_column(
                Text(name),
                width=size,
                justify="right" if numbers else "left",
                no_wrap=not wrap,
                overflow="fold" if wrap else "ellipsis",
            )
    for row in words:
        drawn.add_row(*(Text(cell) for cell, size in zip(row, sizes, strict=True) if size))
    whole = indent + sum(sizes) + GAP * len(sizes)
    console = Console(file=sys.stdout, width=whole + 1, highlight=False, color_system="auto", legacy_windows=False)
    with console.capture() as captured:
        console.print(Padding(drawn, (0, 0, 0, indent)))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join(lines), [name for name, size in zip(header, sizes, strict=True) if not size]


def _sizes(header: Sequence[str], words: Sequence[Sequence[str]], room: int | None, prose: str) -> list[int]:
    """The width of each column; 0 for those that do not fit, from the right."""
    from rich.cells import cell_len

    natural = [max([cell_len(name), *(cell_len(row[i]) for row in words), 1]) for i, name in enumerate(header)]
    if room is None:
        return natural
    if len(header) == 1:
        return [min(natural[0], room)]
    most = CELL if sum(min(size, CELL) + GAP for size in natural) - GAP <= room else SHORT
    sizes = [min(size, most) for size in natural]
    at = list(header).index(prose) if prose in header else None
    if at is not None:
        others = sum(size + GAP for i, size in enumerate(sizes) if i != at)
        sizes[at] = min(natural[at], max(room - others, min(PROSE_LEAST, natural[at])))
    left = room
    for i, size in enumerate(sizes):
        if i == at:
            continue
        reserved = sizes[at] + GAP if at is not None else 0
        fits = left - reserved
        sizes[i] = size if size <= fits else fits if fits >= min(NARROW, size) else 0
        left -= sizes[i] + GAP if sizes[i] else 0
        if not sizes[i]:  # nothing further to the right either: a gap in the middle would mislead
            sizes[i:] = [s if at is not None and j == at else 0 for j, s in enumerate(sizes[i:], i)]
            break
    return sizes

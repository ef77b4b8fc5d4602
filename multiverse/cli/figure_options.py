"""Where a figure goes and how wide it is: the options of commands that draw, checked before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from multiverse.errors import MultiverseError

Command = TypeVar("Command", bound=Callable[..., Any])


def figure_options(default: str) -> Callable[[Command], Command]:
    """Adds `-o FILE` (this one by default), as a path, and `--width`."""

    def both(command: Command) -> Command:
        where = click.option(
            "-o",
            "--output",
            metavar="FILE",
            default=default,
            show_default=True,
            callback=_figure_file,
            help="Where to; .pdf, .svg or .png. Overwritten.",
        )
        wide = click.option(
            "--width",
            metavar="WIDTH",
            default="183mm",
            show_default=True,
            callback=_width,
            help="89mm (a column), 183mm (a page), or millimetres.",
        )
        return where(wide(command))

    return both


def _figure_file(context: click.Context, _option: click.Parameter, given: str) -> Path | None:
    if context.resilient_parsing:
        return None
    from multiverse.plot.figure import checked_suffix

    path = Path(given).expanduser()
    _told(lambda: checked_suffix(path))
    return path


def _width(context: click.Context, _option: click.Parameter, given: str) -> str:
    if not context.resilient_parsing:
        from multiverse.plot.layout import millimetres

        _told(lambda: millimetres(given))
    return given


def _told(check: Callable[[], object]) -> None:
    try:
        check()
    except MultiverseError as error:
        what, expected, mend = error.problems[0]
        raise click.BadParameter(f"{what} Expected {expected}: {mend}.") from error

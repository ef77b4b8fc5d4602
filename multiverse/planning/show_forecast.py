"""How a forecast looks: a row for each engine."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from multiverse.planning.duration import duration, short
from multiverse.space.counted import counted

if TYPE_CHECKING:
    from multiverse.planning.forecast import EngineForecast, Forecast

HEADER: Final = ("engine", "universes", "programs", "compile", "first", "a universe", "all")


def forecast_text(forecast: Forecast) -> str:
    """A forecast as lines of text."""
    rows = [forecast_header(forecast), *forecast_rows(forecast)]
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(width[0]), *(cell.rjust(w) for cell, w in zip(row[1:], width[1:], strict=True))])
        for row in rows
    ]
    return "\n".join([f"{forecast_headline(forecast)}:", *(f"  {line}" for line in lines)])


def forecast_html(forecast: Forecast) -> str:
    """A forecast as a small table."""
    rows = [("th", forecast_header(forecast)), *(("td", row) for row in forecast_rows(forecast))]
    body = "".join(f"<tr>{''.join(_cell(tag, i, cell) for i, cell in enumerate(row))}</tr>" for tag, row in rows)
    return f"{html.escape(forecast_headline(forecast))}<table>{body}</table>"


def _cell(tag: str, column: int, text: str) -> str:
    return f"<{tag} style='text-align:{'right' if column else 'left'}'>{html.escape(text)}</{tag}>"


def forecast_headline(forecast: Forecast) -> str:
    """One line: how long, with which engine, and how far to trust it."""
    return (
        f"About {duration(forecast.seconds)} on {counted(forecast.workers, 'worker')} with the engine "
        f"{forecast.engine!r}, within a factor of about three; compiled programs are kept, and cost nothing again"
    )


def forecast_header(forecast: Forecast) -> tuple[str, ...]:
    """The names of the columns."""
    return (*HEADER, "auto asks first") if any(row.chosen for row in forecast.engines) else HEADER


def forecast_rows(forecast: Forecast) -> Iterator[tuple[str, ...]]:
    """A row for each engine, the one that was asked for first."""
    chosen = any(row.chosen for row in forecast.engines)
    for row in forecast.engines:
        yield (*_row(row), *([f"{row.chosen:,}" if row.chosen else "-"] if chosen else []))


def _row(row: EngineForecast) -> tuple[str, ...]:
    return (
        row.engine,
        f"{row.universes:,}",
        f"{row.programs:,}",
        duration(row.compile) if row.compile else "-",
        duration(row.once) if row.once else "-",
        short(row.universe),
        duration(row.seconds),
    )

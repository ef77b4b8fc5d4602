"""How a forecast looks: a row for each engine."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from multiverse.planning.duration import duration, short
from multiverse.space.counted import counted

if TYPE_CHECKING:
    from multiverse.planning.forecast import EngineForecast, Forecast

HEADER: Final = ("engine", "can take", "programs", "compile", "begin", "a universe", "all", "auto asks first")
NOTHING: Final = "-"
TRAINED: Final = "amortized"  # the engine that learns before it answers, ...
LAST_RESORT: Final = "nuts"  # ... and the one that can do all that it can


def forecast_text(forecast: Forecast) -> str:
    """A forecast as lines of text."""
    rows = forecast_table(forecast)
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(width[0]), *(cell.rjust(w) for cell, w in zip(row[1:], width[1:], strict=True))])
        for row in rows
    ]
    pays = forecast_of_training(forecast)
    return "\n".join([f"{forecast_headline(forecast)}:", *(f"  {line}" for line in lines), *filter(None, [pays])])


def forecast_html(forecast: Forecast) -> str:
    """A forecast as a small table."""
    head, *rows = forecast_table(forecast)
    tagged = [("th", head), *(("td", row) for row in rows)]
    body = "".join(f"<tr>{''.join(_cell(tag, i, cell) for i, cell in enumerate(row))}</tr>" for tag, row in tagged)
    return (
        f"{html.escape(forecast_headline(forecast))}<table>{body}</table>{html.escape(forecast_of_training(forecast))}"
    )


def _cell(tag: str, column: int, text: str) -> str:
    return f"<{tag} style='text-align:{'right' if column else 'left'}'>{html.escape(text)}</{tag}>"


def forecast_headline(forecast: Forecast) -> str:
    """One line: how long, with which engine, and how far to trust it."""
    return (
        f"Forecast: about {duration(forecast.seconds)} on {counted(forecast.workers, 'worker')} with the engine "
        f"{forecast.engine!r}; within a factor of three, less where programs are compiled already"
    )


def forecast_of_training(forecast: Forecast) -> str:
    """From where on a network would pay that is trained first, against NUTS; empty where none can be."""
    pays = forecast.breaks_even(TRAINED, LAST_RESORT)
    if pays is None:
        return ""
    return f"  training a network pays from {counted(pays, 'universe')}, or as many data sets, against NUTS"


def forecast_table(forecast: Forecast) -> list[tuple[str, ...]]:
    """The names of the columns, and a row for each engine, the one that was asked for first; no columns of nothing."""
    rows = [_row(row) for row in forecast.engines]
    shown = [i for i in range(len(HEADER)) if any(row[i] != NOTHING for row in rows)]
    return [tuple(row[i] for i in shown) for row in (HEADER, *rows)]


def _row(row: EngineForecast) -> tuple[str, ...]:
    return (
        row.engine,
        f"{row.universes:,}",
        f"{row.programs:,}",
        duration(row.compile) if row.compile else NOTHING,
        duration(row.once) if row.once else NOTHING,
        short(row.universe),
        duration(row.seconds),
        f"{row.chosen:,}" if row.chosen else NOTHING,
    )

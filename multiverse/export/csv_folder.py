"""A folder of CSV files: one for each view, and a README that explains every column."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from multiverse.export.tables import root
from multiverse.progress import Progress
from multiverse.store.contract import Store
from multiverse.store.limits import TimeLimit
from multiverse.store.meanings import meanings
from multiverse.store.plan_table import decode_header
from multiverse.store.records import latest, read_runs
from multiverse.store.schema import DECISIONS, VIEWS
from multiverse.store.sql import answered
from multiverse.store.views import open_views

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

README: Final = "README.txt"
WIDTH: Final = 100  # characters of a line of the README
SECONDS: Final = 7 * 24 * 3600.0  # a week: an archive takes the time it takes, and Ctrl-C stops it
# A list of draws as one cell: the shortest decimal numbers that are read back to the same bits, blanks between.
_DRAWS: Final = """select * exclude (draws),
    array_to_string(list_transform(draws, lambda x: coalesce(x::varchar, 'nan')), ' ') as draws from draws"""


def write_csv(store: Store, place: Path, *, draws: bool, progress: Progress) -> None:
    """Write all of a store into a new folder at `place`."""
    place.mkdir()
    counts = {}
    views = [view for view in VIEWS if draws or view != "draws"]
    with closing(open_views(store)) as con, progress("writing CSV files", len(views), "files") as advance:
        for view in views:
            counts[view] = _write(con, view, place / f"{view}.csv")
            advance()
    (place / README).write_text("\n".join(_readme(store, counts)) + "\n", encoding="utf-8")


def _write(con: DuckDBPyConnection, view: str, file: Path) -> int:
    """One file, batch by batch; how many rows."""
    import pyarrow.csv

    sql = _DRAWS if view == "draws" else f"select * from {view}"
    rows = 0
    with answered(con, sql, TimeLimit(con, SECONDS)) as answer:
        with pyarrow.csv.CSVWriter(str(file), answer.schema) as writer:
            for batch in answer.batches:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows


def _readme(store: Store, counts: dict[str, int]) -> Iterator[str]:
    """What is here, and what each column means."""
    for name, said in root(store).items():
        if name in ("title", "written by", "written", "runs"):
            yield f"{name}: {said}"
    yield ""
    yield from textwrap.wrap(
        "Each file is a table in CSV (RFC 4180, UTF-8) with a header. An empty field says that there is no value. The "
        "same universe has the same key in all tables; key and run join them. Numbers are written so that they are "
        "read back to the same bits. Times are UTC.",
        WIDTH,
    )
    decisions = _decisions(store)
    for view, rows in counts.items():
        yield ""
        yield f"{view}.csv ({rows:,} rows)"
        for column, meaning in meanings()[view].items():
            if column == DECISIONS:
                yield from _line(", ".join(decisions) or "(no decisions)", "", f"decisions: {meaning.text}")
                continue
            said = (
                f"{meaning.text}; numbers with blanks between" if (view, column) == ("draws", "draws") else meaning.text
            )
            yield from _line(column, meaning.unit, said)
    yield ""
    yield "An engine may have added columns: statistics in estimates.csv, diagnostics in diagnostics.csv."


def _line(column: str, unit: str, meaning: str) -> list[str]:
    text = f"{column}{f' [{unit}]' if unit else ''}: {meaning}"
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)


def _decisions(store: Store) -> list[str]:
    records: Any = latest(read_runs(store)).values()
    headers = [decode_header(store.get("plan", record.plan)) for record in records]
    return list(dict.fromkeys(decision.name for header in headers for decision in header.decisions))

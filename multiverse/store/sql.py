"""A person's SQL on the views of a store: one SELECT, a table back, nothing else reached."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from multiverse.errors import Problem, ResultError, near_miss
from multiverse.store.contract import Store
from multiverse.store.limits import ANSWER, SECONDS, TimeLimit, Value
from multiverse.store.schema import VIEWS
from multiverse.store.views import open_views

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

BATCH: Final = 10_000  # rows read at once: draws of a thousand numbers are 40 MB then
_TRACEBACK: Final = re.compile(r"\ATraceback .*?^(?:\w+\.)*(?=\w+: )", re.DOTALL | re.MULTILINE)  # of our file system
_COLUMN: Final = re.compile(r'[Cc]olumn (?:named )?"([^"]+)"')
_TABLE: Final = re.compile(r"Table with name (\S+) does not exist!(\nDid you mean .*)?")  # DuckDB means its own tables


class Answer(NamedTuple):
    """An answer as it comes: its columns, and its rows in batches, each read when it is asked for."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def query(store: Store, sql: str, *, seconds: float = SECONDS) -> pd.DataFrame:
    """What one SELECT gives on the views of docs/schema.md, as they are now.

    The text reads the store and nothing else: no other file, no setting, no network; it writes nothing. It may take
    `limits.MEMORY` and this many seconds to be worked out; its answer may take `limits.ANSWER`.
    Missing values are NULL in SQL and NaN, or pandas' NA, here.
    Raises ResultError with what DuckDB says and the columns of the views it names; StoreError for a damaged part.
    """
    with closing(open_views(store)) as con:
        return ask(con, sql, seconds=seconds)


def ask(con: DuckDBPyConnection, sql: str, *, seconds: float = SECONDS) -> pd.DataFrame:
    """The same on a connection of `open_views`: for many questions to one moment of a store."""
    with answered(con, sql, TimeLimit(con, seconds)) as answer:
        table = _whole(answer)
    with warnings.catch_warnings():
        # DuckDB 2.0 converts times with a zone by `DataFrame.drop(inplace=True)`, which pandas 3.1 warns about
        warnings.filterwarnings("ignore", message="The inplace keyword in DataFrame.drop")
        frame: pd.DataFrame = con.from_arrow(table).to_df()
    return frame


@contextmanager
def answered(con: DuckDBPyConnection, sql: str, limit: TimeLimit) -> Iterator[Answer]:
    """The same answer batch by batch, for one of any size; to be read inside of `with`."""

    def begin() -> pa.RecordBatchReader:
        # as a parameter of `query` the text is one nested SELECT: DuckDB refuses every statement that changes anything
        return con.sql("select * from query(?)", params=[sql]).to_arrow_reader(BATCH)

    def batches() -> Iterator[pa.RecordBatch]:
        while (batch := _worked(con, sql, limit, lambda: next(reader, None))) is not None:
            yield batch

    reader = _worked(con, sql, limit, begin)
    try:
        yield Answer(reader.schema, batches())
    finally:
        reader.close()


def too_slow(seconds: float) -> ResultError:
    """The error for a question that was stopped."""
    return ResultError(
        Problem(
            f"this SQL was stopped after {seconds:g} seconds",
            "an answer within that time",
            "Ask for less: aggregate, name a key or site of draws, join on keys. Or give it more time: "
            f"`seconds={10 * seconds:g}`, on the command line --seconds {10 * seconds:g}.",
        )
    )


def _whole(answer: Answer) -> pa.Table:
    """All of an answer. Raises ResultError where it is too large to be held."""
    batches, size = [], 0
    for batch in answer.batches:
        batches.append(batch)
        size += batch.nbytes
        if size > ANSWER:
            raise ResultError(
                Problem(
                    f"the answer to this SQL is larger than {_bytes(ANSWER)}",
                    "an answer that fits beside a sweep in memory",
                    "Aggregate in SQL, or name a key or site of draws. A file takes any number of rows: "
                    "`multiverse sql STORE QUERY -o answer.parquet`.",
                )
            )
    return pa.Table.from_batches(batches, answer.schema)


def _worked(con: DuckDBPyConnection, sql: str, limit: TimeLimit, work: Callable[[], Value]) -> Value:
    """What DuckDB works out, in its time. What it raises becomes a ResultError."""
    import duckdb

    try:
        return limit.spend(work)
    except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:  # the latter three while rows are read
        said = _TRACEBACK.sub("", str(error).strip())
        exhausted = isinstance(error, duckdb.OutOfMemoryException | MemoryError) or "Out of Memory" in said
    if limit.over:
        raise too_slow(limit.seconds)
    if exhausted:
        (most,) = con.execute("select current_setting('memory_limit')").fetchall()[0]
        raise ResultError(
            Problem(
                f"this SQL needs more memory than there is for it ({most})",
                "a question that is worked out in that memory",
                "Ask for less: aggregate before joining, name a key or site of draws, sort fewer rows.",
            )
        )
    said_of_ours = _TABLE.sub(r"There is no view \1.", said)
    what = f"this SQL cannot be answered: {said_of_ours}"
    raise ResultError(Problem(what, "one SELECT on the views below", _help(con, sql, said)))


def _help(con: DuckDBPyConnection, sql: str, said: str) -> str:
    """The near miss, and the columns of the views that the text names, or of all."""
    named = [view for view in VIEWS if re.search(rf"\b{view}\b", sql, re.IGNORECASE)] or list(VIEWS)
    found: dict[str, list[str]] = {}
    for view, column in con.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'main' "
        "order by table_name, ordinal_position"
    ).fetchall():
        found.setdefault(view, []).append(column)
    hint = ""
    if missing := _TABLE.search(said):
        hint = near_miss(missing[1].strip('"'), VIEWS)
    elif missing := _COLUMN.search(said):
        hint = near_miss(missing[1], dict.fromkeys(column for view in named for column in found.get(view, ())))
    lines = [f"    {view}({', '.join(found[view])})" for view in named if view in found]
    others = [view for view in VIEWS if view not in named]
    text = f"{hint}Use the names of\n" + "\n".join(lines)
    return text + (f"\n    other views: {', '.join(others)}" if others else "")


def _bytes(size: int) -> str:
    return f"{size / 2**30:g} GiB"

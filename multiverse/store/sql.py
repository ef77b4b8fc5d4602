"""A person's SQL on the views of a store: one SELECT, a table back, nothing else reached."""

from __future__ import annotations

import re
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Final

from multiverse.errors import Problem, ResultError
from multiverse.store.contract import Store
from multiverse.store.schema import VIEWS
from multiverse.store.views import open_views

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

_TRACEBACK: Final = re.compile(r"\ATraceback .*?^(?=\w+: )", re.DOTALL | re.MULTILINE)  # of our own file system


def query(store: Store, sql: str) -> pd.DataFrame:
    """What one SELECT gives on the views of docs/schema.md, as they are now.

    The text reads the store and nothing else: no other file, no setting, no network; it writes nothing.
    Missing values are NULL in SQL and NaN, or pandas' NA, here.
    Raises ResultError with what DuckDB says and the columns of the views it names; StoreError for a damaged part.
    """
    with closing(open_views(store)) as con:
        return ask(con, sql)


def ask(con: DuckDBPyConnection, sql: str) -> pd.DataFrame:
    """The same on a connection of `open_views`: for many questions to one moment of a store."""
    import duckdb

    try:
        # as a parameter of `query` the text is one nested SELECT: DuckDB refuses every statement that changes anything
        relation = con.sql("select * from query(?)", params=[sql])
        with warnings.catch_warnings():
            # DuckDB 2.0 converts times with a zone by `DataFrame.drop(inplace=True)`, which pandas 3.1 warns about
            warnings.filterwarnings("ignore", message="The inplace keyword in DataFrame.drop")
            answer: pd.DataFrame = relation.to_df()
        return answer
    except duckdb.Error as error:
        said = _TRACEBACK.sub("", str(error).strip())
    raise ResultError(Problem(f"this SQL cannot be answered: {said}", "one SELECT on the views below", _help(con, sql)))


def _help(con: DuckDBPyConnection, sql: str) -> str:
    """The columns of the views that the text names, or of all."""
    named = [view for view in VIEWS if re.search(rf"\b{view}\b", sql, re.IGNORECASE)] or list(VIEWS)
    found: dict[str, list[str]] = {}
    for view, column in con.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'main' "
        "order by table_name, ordinal_position"
    ).fetchall():
        found.setdefault(view, []).append(column)
    lines = [f"    {view}({', '.join(found[view])})" for view in named if view in found]
    others = [view for view in VIEWS if view not in named]
    return "Use the names of\n" + "\n".join(lines) + (f"\n    other views: {', '.join(others)}" if others else "")

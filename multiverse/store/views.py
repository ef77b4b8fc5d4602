"""The views of docs/schema.md, in a locked in-memory DuckDB connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from multiverse.engines.outcome import Reason
from multiverse.store.contract import Store
from multiverse.store.draws_columns import SHAPE
from multiverse.store.draws_view import draws_view, identifier
from multiverse.store.limits import MEMORY
from multiverse.store.read_only import PROTOCOL, ReadOnlyParts
from multiverse.store.row_views import listed, row_views
from multiverse.store.rows import read_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# After this no statement reaches a file, a network or a setting; draws alone come, through our own door.
_LOCK: Final = f"""
set temp_directory = '';
set python_enable_replacements = false;
set autoinstall_known_extensions = false;
set autoload_known_extensions = false;
set allowed_directories = ['{PROTOCOL}://'];
set enable_external_access = false;
set lock_configuration = true;
"""


def open_views(store: Store, *, memory: str = MEMORY) -> DuckDBPyConnection:
    """A connection that holds the rows of the store as they are now, and can reach nothing else.

    Rows are loaded; `draws` reads the parts that were there, when asked. Close it after use.
    memory: what its answers may take to work out, as DuckDB says it: `"50%"` of the machine's, `"4GB"`.
    All is temporary, since DuckDB lets a text open a second connection, which may write, but sees nothing temporary.
    Run a person's text through `multiverse.store.sql.ask` only: it keeps the views themselves from harm.
    """
    import duckdb

    rows = read_rows(store)
    con = duckdb.connect(":memory:")
    try:
        reasons = pa.table({"code": [r.name for r in Reason], "mend": [r.value for r in Reason]})
        stored = {name: table for name, table in rows._asdict().items() if name != "decisions"} | {"reasons": reasons}
        for name, table in stored.items():
            con.register(f"stored_{name}", table)  # seen where it is, not copied
        for name, select, order in row_views(rows.decisions, rows.attempts.column_names):
            con.execute(f"create temp table {name} as {select}" + (f" order by {order}" if order else ""))
        con.register_filesystem(ReadOnlyParts(store))
        con.execute(f"create temp view draws as {draws_view(_holders(con, rows.attempts.column_names))}")
        for name in stored:
            con.unregister(f"stored_{name}")
        con.execute(f"set memory_limit = '{memory}'")
        con.execute(_LOCK)
    except BaseException:
        con.close()
        raise
    return con


def _holders(con: DuckDBPyConnection, columns: list[str]) -> Iterator[tuple[str, str, str]]:
    """(run, shape column, batch) for all draws of universes in `universes`."""
    shapes = [column for column in columns if column.startswith(SHAPE)]
    held = listed(f"bool_or(a.{identifier(column)} is not null)" for column in shapes)
    found = con.execute(
        f"""select {held} u.run, u.batch
        from universes as u join stored_attempts as a using (run, key, attempt) group by u.run, u.batch"""
    )
    for *there, run, batch in found.fetchall():
        yield from ((run, column, batch) for column, yes in zip(shapes, there, strict=True) if yes)

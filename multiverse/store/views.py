"""The views of docs/schema.md, in a locked in-memory DuckDB connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from multiverse.engines.outcome import Reason
from multiverse.store.contract import Store
from multiverse.store.draws_columns import SHAPE
from multiverse.store.draws_view import draws_view, identifier
from multiverse.store.part import DIAGNOSTIC, ESTIMATE
from multiverse.store.plan_table import OPTION
from multiverse.store.read_only import PROTOCOL, ReadOnlyParts
from multiverse.store.rows import read_rows
from multiverse.store.schema import DECISIONS, DIAGNOSTICS, STATISTICS, VIEWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# After this no statement reaches a file, a network or a setting; draws alone come, through our own door.
_LOCK: Final = f"""
set temp_directory = '';
set autoinstall_known_extensions = false;
set autoload_known_extensions = false;
set allowed_directories = ['{PROTOCOL}://'];
set enable_external_access = false;
set lock_configuration = true;
"""


def open_views(store: Store) -> DuckDBPyConnection:
    """A connection that holds the rows of the store as they are now, and can reach nothing else.

    Rows are loaded; `draws` reads the parts that were there, when asked. Close it after use.
    Run a person's text through `multiverse.store.sql.ask` only: it keeps the views themselves from harm.
    """
    import duckdb

    rows = read_rows(store)
    con = duckdb.connect(":memory:")
    try:
        con.execute("create schema stored")
        reasons = pa.table({"code": [r.name for r in Reason], "mend": [r.value for r in Reason]})
        for name, table in {**rows._asdict(), "reasons": reasons}.items():
            if name != "decisions":
                con.register("loading", table)
                con.execute(f"create table stored.{name} as select * from loading")
                con.unregister("loading")
        for query in _row_views(rows.decisions, rows.attempts.column_names):
            con.execute(query)
        con.register_filesystem(ReadOnlyParts(store))
        con.execute(f"create view draws as {draws_view(_holders(con, rows.attempts.column_names))}")
        con.execute(_LOCK)
    except BaseException:
        con.close()
        raise
    return con


def _row_views(decisions: list[str], columns: Iterable[str]) -> Iterator[str]:
    """The statements that make every view but `draws`, in order: later ones read earlier ones."""
    labels = [f"p.{identifier(OPTION + name)} as {identifier(name)}" for name in decisions]
    names = [identifier(name) for name in decisions]
    a, p = "stored.attempts as a", "stored.planned as p"
    yield f"""create table universes as select {_columns("universes", labels, {
        "reference": "p.reference", "ok": "a.reason is null"}, "a")}
        from {p} join {a} using (run, key) where a.shown order by p.run, p.position"""
    statistics = _columns("estimates", names, {"estimand": "unnest(a.estimand)"} | {
        name: f'unnest(a."{ESTIMATE}{name}")' for name in STATISTICS}, "u")
    yield f"""create table estimates as select {statistics}{_further(columns, ESTIMATE, STATISTICS, "unnest(a.{})",
        decisions, "estimates")} from universes as u join {a} using (run, key, attempt) where a.shown"""

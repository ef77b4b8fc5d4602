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
from multiverse.store.schema import DIAGNOSTICS, STATISTICS, VIEWS

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


def _row_views(decisions: list[str], columns: list[str]) -> Iterator[str]:
    """The statements that make every view but `draws`, in order: later ones read earlier ones."""
    labels = _listed(f"p.{identifier(OPTION + name)} as {identifier(name)}" for name in decisions)
    names = _listed(f"u.{identifier(name)}" for name in decisions)
    statistics = _listed(
        f"unnest(a.{identifier(column)}) as {identifier(name)}"
        for column, name in _named(columns, ESTIMATE, STATISTICS, {*VIEWS["estimates"], *decisions})
    )
    diagnostics = _listed(
        f"a.{identifier(column)} as {identifier(name)}"
        for column, name in _named(columns, DIAGNOSTIC, DIAGNOSTICS, {*VIEWS["diagnostics"]})
    )
    yield f"""
        create table universes as
        select p.key, p.run, {labels} p.reference, a.engine, a.reason is null as ok, a.reason, a.attempt, a.final,
            coalesce(a.program, p.program) as program,
            coalesce(a.rows_kept, p.rows_kept) as rows_kept, a.seconds, a.finished, a.host, a.batch
        from stored.planned as p join stored.attempts as a using (run, key)
        where a.shown order by p.run, p.position"""
    yield f"""
        create table estimates as
        select u.key, u.run, {names} u.reference, u.ok, unnest(a.estimand) as estimand, {statistics}
        from universes as u join stored.attempts as a using (run, key, attempt) order by u.rowid"""
    yield f"""
        create table diagnostics as
        select a.key, a.run, a.engine, a.attempt, a.final, a.reason is null as ok, {diagnostics}
        from stored.attempts as a semi join stored.planned as p using (run, key)
        order by a.run, a.key, a.attempt"""
    yield f"""
        create table failures as
        select u.key, u.run, {names} u.reason, a.message, r.mend, a.traceback, u.attempt
        from universes as u join stored.attempts as a using (run, key, attempt)
        left join stored.reasons as r on r.code = u.reason
        where u.final and not u.ok order by u.rowid"""
    yield f"""
        create table planned as
        select p.key, p.run, {labels} p.reference, p.program, p.rows_kept,
            (p.run, p.key) in (select (run, key) from stored.attempts) as answered
        from stored.planned as p order by p.run, p.position"""
    yield "create table options as from stored.options"
    yield "create table manifest as from stored.manifest"


def _listed(terms: Iterable[str]) -> str:
    """The terms of a select list, each followed by a comma."""
    return "".join(f"{term}, " for term in terms)


def _named(columns: list[str], prefix: str, known: tuple[str, ...], taken: set[str]) -> Iterator[tuple[str, str]]:
    """(column of a part, column of a view) for the known names, then for others; these keep the prefix on a clash."""
    others = sorted({c.removeprefix(prefix) for c in columns if c.startswith(prefix)} - set(known))
    spoken_for = {name.lower() for name in taken}
    for name in known:
        yield prefix + name, name
    for name in others:
        yield prefix + name, prefix + name if name in spoken_for else name


def _holders(con: DuckDBPyConnection, columns: list[str]) -> Iterator[tuple[str, str, str]]:
    """(run, shape column, batch) for all draws of universes in `universes`."""
    shapes = [column for column in columns if column.startswith(SHAPE)]
    held = _listed(f"bool_or(a.{identifier(column)} is not null)" for column in shapes)
    found = con.execute(
        f"""select {held} u.run, u.batch
        from universes as u join stored.attempts as a using (run, key, attempt) group by u.run, u.batch"""
    )
    for *there, run, batch in found.fetchall():
        yield from ((run, column, batch) for column, yes in zip(shapes, there, strict=True) if yes)

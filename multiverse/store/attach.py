"""The views of a store for any DuckDB: as a small database file to attach, or in a connection that is there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from multiverse.errors import Problem, StoreError
from multiverse.store.contract import Store
from multiverse.store.draws_columns import SHAPE, names_of
from multiverse.store.draws_view import NO_DRAWS, array_of_draws, identifier, text
from multiverse.store.folder import FolderStore
from multiverse.store.row_views import row_views
from multiverse.store.rows import read_rows
from multiverse.store.stored_sql import parts, stored

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STORAGE: Final = "v1.0.0"  # unsaid, only the DuckDB that wrote the file can open it; the views work from 1.2 on
_TAKEN: Final = {"main", "memory", "system", "temp"}  # names of databases and schemas that DuckDB has itself


def write_views(store: Store, file: Path) -> None:
    """Write a database file that holds the views of docs/schema.md, and nothing else; an older one is replaced.

    The views read the store's files whenever they are asked: universes answered later are in them. Their columns are
    those of this moment: after a decision, a statistic or an array of draws has come in anew, write them again.
    Raises StoreError for a store that is no folder of this machine, that holds no answers yet, or that holds `file`.
    """
    import duckdb

    folder = _folder(store)
    if file.resolve().is_relative_to(folder.resolve()):
        raise StoreError(
            Problem(f"{file} lies in the store", "a file elsewhere: a store keeps its own files only", "Name another.")
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    # beside it, to be renamed: whoever has an older file open keeps it
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as beside:
        made = Path(beside) / "views.duckdb"
        with closing(duckdb.connect(":memory:")) as con:
            con.execute(f"attach {text(str(made))} as made (storage_version '{STORAGE}')")
            _create(con, store, "made")
            con.execute("detach made")
        made.replace(file)


def attach_statement(file: Path) -> str:
    """What to say in a DuckDB shell, R or a notebook, for the views of `write_views`."""
    return f"attach {text(str(file.resolve()))} as {database_name(file)} (read_only);"


def attach_views(con: DuckDBPyConnection, store: Store, name: str) -> None:
    """Create the same views in a database `name` in memory, attached to a connection: `from NAME.estimates`.

    Raises StoreError as `write_views` does, and where the connection has a database of this name.
    """
    import duckdb

    _folder(store)
    try:
        con.execute(f"attach ':memory:' as {identifier(name)}")
    except duckdb.Error as error:
        raise StoreError(
            Problem(
                f"this connection cannot attach a database {name!r} ({error})",
                "a name that it does not have yet, in a connection that may attach",
                f"con.execute('detach {name}'), or name another: results.attach(con, name='{name}_2')",
            )
        ) from error
    try:
        _create(con, store, name)
    except BaseException:
        con.execute(f"detach {identifier(name)}")
        raise


def database_name(place: Path) -> str:
    """A name for the views of a file or folder, to be written in SQL without quotes."""
    import duckdb

    name = re.sub(r"[^a-z0-9]+", "_", place.stem.lower()).strip("_")
    with closing(duckdb.connect(":memory:")) as con:
        reserved = con.sql("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'").fetchall()
    plain = name and not name[0].isdigit() and name not in _TAKEN and (name,) not in reserved
    return name if plain else f"views_{name}".rstrip("_")


def _create(con: DuckDBPyConnection, store: Store, database: str) -> None:
    # within a view a name means that of the view's own database, whatever else the connection has
    for view, query in _queries(con, store):
        con.execute(f"create view {identifier(database)}.main.{view} as {query}")


def _queries(con: DuckDBPyConnection, store: Store) -> Iterator[tuple[str, str]]:
    """(view, query) for every view; later ones read earlier ones."""
    folder, rows = _folder(store), read_rows(store)
    typed = con.from_arrow(rows.attempts.slice(0, 0).drop_columns(["shown"]))
    columns = dict(zip(typed.columns, map(str, typed.types), strict=True))
    sources = stored(folder, rows.decisions, columns)
    for name, select, _ in row_views(rows.decisions, list(columns)):
        needed = (f"{source} as ({query})" for source, query in sources.items() if re.search(rf"\b{source}\b", select))
        yield name, f"with {', '.join(needed)} {select}"
    draws = names_of([column for column in columns if column.startswith(SHAPE)])
    yield "draws", " union all ".join(array_of_draws(name, parts(folder)) for name in draws) or NO_DRAWS


def _folder(store: Store) -> Path:
    if not isinstance(store, FolderStore):
        raise StoreError(
            Problem(
                f"{store.describe()} is no folder of this machine, where DuckDB could read by itself",
                "a store in a folder",
                "Ask by `results.sql(...)` or `multiverse sql`, or copy the store to a folder.",
            )
        )
    for kind, lacking in (("run", "holds no run"), ("part", "holds no answers yet")):
        if not store.names(kind):
            raise StoreError(
                Problem(
                    f"{store.describe()} {lacking}",
                    "a store with at least one finished batch",
                    "Attach it once the first universes are answered: `multiverse status` says when.",
                )
            )
    return store.path

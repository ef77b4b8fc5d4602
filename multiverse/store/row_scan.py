"""The rows of all parts, read from few files: packs where there are any, and the parts that no pack stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pyarrow as pa

from multiverse.errors import Problem, StoreError
from multiverse.store import parquet
from multiverse.store.contract import Columns, Store, Table, wanted
from multiverse.store.manifest import Manifest, read_manifest
from multiverse.store.part import SCHEMA, is_row_column


class Gathered(NamedTuple):
    """The rows of these parts; some of them were read from these packs, which stand for the parts they name."""

    rows: Table
    parts: frozenset[str]
    packs: Mapping[str, frozenset[str]]


def scan_rows(store: Store, columns: Columns = None) -> Table:
    """The rows of all published parts, in no particular order, without their draws.

    columns: as in `Store.scan`, among those that are not draws; None for all of these. Those of `part.SCHEMA` are
    there, with their types, even where no part has them. An attempt that stands in two parts is there twice
    (`attempts.distinct` drops doubles).
    Raises StoreError where a part cannot be read. A pack that cannot be read is not missed: its parts are read instead.
    """
    return gather_rows(store, columns).rows


def gather_rows(store: Store, columns: Columns = None) -> Gathered:
    """The same, with the names of what was read. A part published meanwhile is in it or not, whole."""
    of_rows = _rows_only(columns)
    lost: set[str] = set()
    while True:
        # the manifest first: the parts it names were there before it was, so that the listing must have them
        manifest = read_manifest(store)
        parts = store.names("part")
        packs = {pack: its for pack, its in usable(manifest, parts).items() if pack not in lost}
        tables = []
        for pack in sorted(packs):
            try:
                tables.append(store.get("pack", pack, of_rows))
            except StoreError:
                lost.add(pack)  # damaged, or removed since the manifest was read
        if len(tables) < len(packs):
            continue
        try:
            tables.append(store.scan("part", of_rows, parts.difference(*packs.values())))
        except pa.ArrowException as error:
            raise _strangers(store, error) from error
        except StoreError:
            if parts <= store.names("part"):
                raise
            continue  # a part was set aside meanwhile
        return Gathered(_union(store, tables, of_rows), parts, packs)


def usable(manifest: Manifest | None, parts: frozenset[str]) -> dict[str, frozenset[str]]:
    """The packs of a manifest that stand for published parts only: a part that was set aside takes its rows along."""
    return {pack: its for pack, its in manifest.packs.items() if its <= parts} if manifest else {}


def _rows_only(columns: Columns) -> Columns:
    """These columns; of those that a rule chooses, only the ones that are not draws."""
    if columns is None:
        return is_row_column
    if callable(columns):
        rule: Callable[[str], bool] = columns
        return lambda column: is_row_column(column) and rule(column)
    if draws := [column for column in columns if not is_row_column(column)]:
        raise StoreError(
            Problem(f"rows hold no column {draws[0]!r}", "columns that are not draws", "Read draws from their part.")
        )
    return columns


def _union(store: Store, tables: list[Table], columns: Columns) -> Table:
    try:
        typed = SCHEMA.empty_table()
        return parquet.union([typed.select(wanted(columns, typed.column_names)), *tables], columns)
    except pa.ArrowException as error:
        raise _strangers(store, error) from error


def _strangers(store: Store, error: Exception) -> StoreError:
    return StoreError(
        Problem(
            f"the parts of {store.describe()} do not fit below each other ({error})",
            "columns of one name that have one type",
            f"`multiverse doctor {store.describe()}` says which of them does not belong here.",
        )
    )

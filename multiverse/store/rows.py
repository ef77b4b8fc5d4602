"""The rows of a store, gathered for its views: planned universes, attempts, options and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa

from multiverse.store import parquet
from multiverse.store.attempts import distinct
from multiverse.store.contract import Store, Table
from multiverse.store.plan_table import OPTION, PlannedDecision, decode_header
from multiverse.store.records import Sections, decode_record, encode_run, latest, plan_of, read_runs
from multiverse.store.row_scan import scan_rows

_PLANNED: Final = pa.schema(
    {
        "run": pa.string(),
        "position": pa.int64(),
        "key": pa.string(),
        "program": pa.string(),
        "reference": pa.bool_(),
        "rows_kept": pa.int64(),
        "verified_by": pa.string(),
    }
)
_OPTIONS: Final = pa.schema(
    {
        "decision": pa.string(),
        "kind": pa.string(),
        "position": pa.int32(),
        "label": pa.string(),
        "why": pa.string(),
        "plausibility": pa.float64(),
        "reference": pa.bool_(),
    }
)
_MANIFEST: Final = pa.schema({name: pa.string() for name in ("run", "section", "name", "value")})


class Rows(NamedTuple):
    """Arrow tables, each with its columns and types even where the store is empty.

    decisions: names of all decisions of all runs' latest plans, each once.
    planned: universes of each run's latest plan, with `option:<decision>` columns, run, and position in the plan.
    attempts: columns of parts without draws, and `shown` (see `attempts.distinct`).
    """

    decisions: list[str]
    planned: Table
    attempts: Table
    options: Table
    manifest: Table


def read_rows(store: Store) -> Rows:
    """All rows of the store as it is now. A part published meanwhile is there or not, whole."""
    runs = latest(read_runs(store))
    plans = {plan: plan_of(store, record) for plan, record in {r.plan: r for r in runs.values()}.items()}
    spaces = [decode_header(plans[record.plan]).decisions for record in runs.values()]
    decisions = _once(decision.name for space in spaces for decision in space)
    studies = [(None, decode_record(store.get("study", name))) for name in sorted(store.names("study"))]
    records = [(run, decode_record(encode_run(record))) for run, record in runs.items()]
    return Rows(
        decisions,
        _planned({run: plans[record.plan] for run, record in runs.items()}, decisions),
        distinct(scan_rows(store)),
        _options(spaces),
        _manifest([*studies, *records]),
    )


def _once(names: Iterable[str]) -> list[str]:
    """Each name once, as it is spelled first: SQL does not tell `Family` from `family`."""
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(name.lower(), name)
    return list(spelled.values())


def _planned(plans: Mapping[str, Table], decisions: list[str]) -> Table:
    """The universes of these plans, by run, in each plan's order."""
    columns = {(OPTION + name).lower(): OPTION + name for name in decisions}
    tables = [pa.schema([*_PLANNED, *(pa.field(name, pa.string()) for name in columns.values())]).empty_table()]
    for run, plan in plans.items():
        verified_by = decode_header(plan).verified_by or None
        table = plan.replace_schema_metadata(None).rename_columns(
            [columns.get(c.lower(), c) for c in plan.column_names]
        )
        table = table.append_column("position", pa.array(range(table.num_rows), pa.int64()))
        for name, value in (("run", run), ("verified_by", verified_by)):
            table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
        tables.append(table)
    return parquet.union(tables)


def _options(spaces: Iterable[tuple[PlannedDecision, ...]]) -> Table:
    """Every option of every space once, as the first space that has it describes it."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    spelled: dict[str, str] = {}
    for decision in (decision for space in spaces for decision in space):
        name = spelled.setdefault(decision.name.lower(), decision.name)
        options = found.setdefault(name, {})
        for option in decision.options:
            of = {"decision": name, "kind": decision.kind, "position": len(options)}
            options.setdefault(option.label, of | option._asdict())
    return pa.Table.from_pylist([row for options in found.values() for row in options.values()], schema=_OPTIONS)


def _manifest(records: Iterable[tuple[str | None, Sections]]) -> Table:
    return pa.Table.from_pylist(
        [
            {"run": run, "section": section, "name": name, "value": value}
            for run, sections in records
            for section, named in sections.items()
            for name, value in named.items()
        ],
        schema=_MANIFEST,
    )

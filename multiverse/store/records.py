"""What is said once about a study or a run - settings, versions, seeds - as rows (section, name, value)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pyarrow as pa

from multiverse.errors import Problem, StoreError
from multiverse.store.contract import Columns, Store, Table

Sections = Mapping[str, Mapping[str, str | None]]
"""Section -> name -> value, all text: `{"versions": {"jax": "0.10.2"}}`."""

RUN: Final = "run"  # the section that `encode_run` adds
_SCHEMA: Final = pa.schema({"section": pa.string(), "name": pa.string(), "value": pa.string()})


@dataclass(frozen=True)
class RunRecord:
    """One call of `run`, written before its first batch.

    run: the run's name; run_id: hash of its settings; plan: name of the plan it follows, in the same store.
    number: 1 for the first call of this run, one more for each that resumes or widens it (`next_number`).
    started: with its time zone. sections: settings, seeds, versions, hardware, thresholds, what clocks decided.
    """

    run: str
    run_id: str
    plan: str
    number: int
    started: datetime
    sections: Sections = field(default_factory=dict)

    def name(self) -> str:
        """The name to publish it under: a hash of all it says."""
        return hashlib.sha256(json.dumps(_said(self), sort_keys=True).encode()).hexdigest()[:32]


def encode_record(sections: Sections) -> Table:
    """The rows (section, name, value), in order. Used as it is for what a store says of its study."""
    rows = [
        {"section": section, "name": name, "value": value}
        for section, named in sections.items()
        for name, value in named.items()
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def decode_record(table: Table) -> dict[str, dict[str, str | None]]:
    """The sections of `encode_record`; a section without names is not there."""
    sections: dict[str, dict[str, str | None]] = {}
    for row in table.to_pylist():
        sections.setdefault(row["section"], {})[row["name"]] = row["value"]
    return sections


def encode_run(record: RunRecord) -> Table:
    """The rows of a run: a section `run` with the record's own fields, then its sections."""
    return encode_record(_said(record))


def decode_run(table: Table) -> RunRecord:
    """The record of `encode_run`."""
    sections = decode_record(table)
    own = {name: str(value) for name, value in sections.pop(RUN).items()}
    started = datetime.fromisoformat(own["started"])
    return RunRecord(own["name"], own["id"], own["plan"], int(own["number"]), started, sections)


def read_runs(store: Store) -> tuple[RunRecord, ...]:
    """Every call of `run` on this store, oldest first; of two with one number, by their start."""
    records = (decode_run(store.get("run", name)) for name in store.names("run"))
    return tuple(sorted(records, key=lambda r: (r.number, r.started, r.name())))


def plan_of(store: Store, record: RunRecord, columns: Columns = None) -> Table:
    """The plan that a run follows, or these columns of it. Raises StoreError if it is not there, or damaged."""
    if record.plan not in store.names("plan"):
        raise StoreError(
            Problem(
                f"the plan {record.plan!r} of the run {record.run!r} is not in {store.describe()}",
                "the plan that was published before the run's first batch",
                "Give the same `multiverse run` again: it writes the plan, and answers only what is not answered.",
            )
        )
    return store.get("plan", record.plan, columns)


def latest(records: Iterable[RunRecord]) -> dict[str, RunRecord]:
    """The run's name -> its latest record: the plan and settings that hold. Most recently started run first."""
    last = {record.run: record for record in sorted(records, key=lambda r: (r.number, r.started, r.name()))}
    return dict(sorted(last.items(), key=lambda item: (item[1].started, item[0]), reverse=True))


def next_number(records: Iterable[RunRecord], run: str) -> int:
    """The number of the next call of this run."""
    return max((record.number for record in records if record.run == run), default=0) + 1


def _said(record: RunRecord) -> Sections:
    own = {
        "name": record.run,
        "id": record.run_id,
        "plan": record.plan,
        "number": str(record.number),
        "started": record.started.isoformat(),
    }
    return {RUN: own, **{section: dict(named) for section, named in record.sections.items()}}

"""How far each run of a store has come, as values; read from one moment of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.compute as pc

from multiverse.cli.engine_state import COLUMNS as OF_ENGINES
from multiverse.cli.engine_state import EngineState, engine_states
from multiverse.cli.recorded_settings import settings_that_matter
from multiverse.engines.outcome import Reason
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store, Table
from multiverse.store.plan_table import PlanHeader, decode_header
from multiverse.store.records import RunRecord, latest, plan_of, read_runs
from multiverse.store.row_scan import scan_rows

if TYPE_CHECKING:
    from multiverse.aggregate.running import Running


class Red(NamedTuple):
    """How many universes are red for a reason, what to do about it, and the key of one of them."""

    reason: str
    universes: int
    mend: str
    example: str


class RunState(NamedTuple):
    """How far one run has come. calls: how often it was started. per_minute: universes, in the latest call.

    part: of how many universes the planned ones were taken, and how; empty where they are the whole space. engines:
    what each of them did. running: the running summary of each estimand, of a run that has begun and is not finished.
    verified_by: "calibration" where no density vouches for answers, else "".
    """

    run: str
    study: str
    planned: int
    answered: int
    green: int
    red: int
    reasons: tuple[Red, ...]
    started: datetime
    calls: int
    last_write: datetime | None
    per_minute: float | None
    settings: Mapping[str, Any]
    part: str = ""
    engines: tuple[EngineState, ...] = ()
    running: tuple[Running, ...] = ()
    verified_by: str = ""

    def card(self) -> dict[str, Any]:
        """The same as plain data, for programs."""
        reasons = [red._asdict() for red in self.reasons]
        engines = [engine._asdict() for engine in self.engines]
        running = [_running_card(summary) for summary in self.running]
        return {**self._asdict(), "reasons": reasons, "engines": engines, "running": running}


def run_states(store: Store) -> list[RunState]:
    """The runs of a store, the one started last first; none where nothing was run."""
    calls = read_runs(store)
    records = latest(calls)
    if not records:
        return []
    # not through the views: these few columns are there in a tenth of the time
    attempts = distinct(scan_rows(store, [*COLUMNS, *OF_ENGINES]))
    states = []
    for name, record in records.items():
        plan = plan_of(store, record, ["key"])
        header = decode_header(plan)
        mine = attempts.filter(pc.and_(pc.equal(attempts["run"], name), pc.is_in(attempts["key"], plan["key"])))
        tried = mine.filter(mine["shown"])
        answered = tried.filter(tried["final"])  # the others will be tried again
        green = answered["reason"].null_count
        written = [moment.replace(tzinfo=UTC) for moment in tried["finished"].to_pylist()]
        states.append(
            RunState(
                run=name,
                study=header.study,
                planned=plan.num_rows,
                answered=answered.num_rows,
                green=green,
                red=answered.num_rows - green,
                reasons=_reasons(answered),
                started=record.started,
                calls=record.number,
                last_write=max(written, default=None),
                per_minute=_rate(written, record.started),
                settings=settings_that_matter(record),
                part=_part(header),
                engines=engine_states(mine),
                running=_running(store, record, calls) if 0 < answered.num_rows < plan.num_rows else (),
                verified_by=header.verified_by,
            )
        )
    return states


def _running(store: Store, record: RunRecord, calls: Sequence[RunRecord]) -> tuple[Running, ...]:
    from multiverse.aggregate.running import running
    from multiverse.store.running_rows import running_rows

    rows = running_rows(store, record, calls)
    return tuple(
        running(name, rows.of(name), one_shot=rows.one_shot, verified_by=rows.verified_by) for name in rows.estimands
    )


def _running_card(summary: Running) -> dict[str, Any]:
    return {
        "estimand": summary.estimand,
        "answered": summary.answered,
        "claim": summary.claim,
        "share": summary.share._asdict(),
        "median": summary.median._asdict(),
        "interval": summary.interval,
        "why": summary.why,
        "notes": list(summary.notes),
    }


def _reasons(answered: Table) -> tuple[Red, ...]:
    """The reasons of the red ones, the commonest first."""
    red = answered.filter(pc.is_valid(answered["reason"]))
    grouped = red.group_by("reason").aggregate([("key", "count"), ("key", "min")]).to_pylist()
    found = [Red(row["reason"], row["key_count"], _mend(row["reason"]), row["key_min"]) for row in grouped]
    return tuple(sorted(found, key=lambda r: (-r.universes, r.reason)))


def _mend(reason: str) -> str:
    return Reason[reason].value if reason in Reason.__members__ else "A newer version wrote it."


def _part(header: PlanHeader) -> str:
    return "" if header.part is None else f"a part of {header.part.of:,} universes: {header.part.said}"


def _rate(written: list[datetime], started: datetime) -> float | None:
    """Universes a minute since a call began, up to its last write; compiling included. None before the first."""
    since = [moment for moment in written if moment >= started]
    minutes = (max(since) - started).total_seconds() / 60 if since else 0.0
    return len(since) / minutes if minutes > 0 else None

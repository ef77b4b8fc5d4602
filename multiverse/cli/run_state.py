"""How far each run of a store has come, as values; read from one moment of the store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from multiverse.cli.recorded_settings import settings_that_matter
from multiverse.store.contract import Store
from multiverse.store.plan_table import decode_header
from multiverse.store.records import latest, read_runs
from multiverse.store.sql import ask
from multiverse.store.views import open_views

if TYPE_CHECKING:
    import pandas as pd

_ANSWERS = """
select p.run, p.key, u.final, u.ok, u.reason, f.mend, u.finished
from planned p left join universes u using (key, run) left join failures f using (key, run)
"""


class Red(NamedTuple):
    """How many universes are red for a reason, what to do about it, and the key of one of them."""

    reason: str
    universes: int
    mend: str
    example: str


class RunState(NamedTuple):
    """How far one run has come. calls: how often it was started. per_minute: universes, in the latest call."""

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


def run_states(store: Store) -> list[RunState]:
    """The runs of a store, the one started last first; none where nothing was run."""
    records = latest(read_runs(store))
    if not records:
        return []
    with closing(open_views(store)) as con:
        answers = ask(con, _ANSWERS)
    states = []
    for name, record in records.items():
        rows = answers[answers["run"] == name]
        tried = rows[rows["finished"].notna()]
        answered = tried[tried["final"].astype(bool)]  # the others will be tried again
        green = int(answered["ok"].astype(bool).sum())
        written = [moment.to_pydatetime().replace(tzinfo=UTC) for moment in tried["finished"]]
        states.append(
            RunState(
                run=name,
                study=decode_header(store.get("plan", record.plan)).study,
                planned=len(rows),
                answered=len(answered),
                green=green,
                red=len(answered) - green,
                reasons=_reasons(answered),
                started=record.started,
                calls=record.number,
                last_write=max(written, default=None),
                per_minute=_rate(written, record.started),
                settings=settings_that_matter(record),
            )
        )
    return states


def _reasons(answered: pd.DataFrame) -> tuple[Red, ...]:
    """The reasons of the red ones, the commonest first."""
    red = answered[~answered["ok"].astype(bool)]
    found = [
        Red(str(reason), len(rows), str(rows["mend"].iloc[0]), min(rows["key"]))
        for reason, rows in red.groupby("reason")
    ]
    return tuple(sorted(found, key=lambda r: (-r.universes, r.reason)))


def _rate(written: list[datetime], started: datetime) -> float | None:
    """Universes a minute since a call began, up to its last write; compiling included. None before the first."""
    since = [moment for moment in written if moment >= started]
    minutes = (max(since) - started).total_seconds() / 60 if since else 0.0
    return len(since) / minutes if minutes > 0 else None

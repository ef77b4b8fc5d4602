"""What a run owes: universes answered without an estimand that is asked now, or for another of its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow.compute as pc

from multiverse.planning.plan import Plan
from multiverse.store.asked import ASKED
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store
from multiverse.store.records import RunRecord, read_runs
from multiverse.store.row_scan import scan_rows

ESTIMANDS = "estimands"  # the section of a run's record with the fingerprint of each estimand


class Owed(NamedTuple):
    """An answered universe that lacks estimands.

    batch, attempt: where its draws are. missing: estimands it was answered without; changed: those that meant
    something else. asked: what it was asked for, fingerprint by name.
    """

    key: str
    batch: str
    attempt: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    asked: dict[str, str | None]

    @property
    def names(self) -> tuple[str, ...]:
        """The estimands to be computed."""
        return (*self.missing, *self.changed)


def owed(store: Store, plan: Plan, run: str) -> list[Owed]:
    """The universes of a plan whose attempt that counts lacks an estimand of it, by batch and key.

    A universe that raised before anything was estimated lacks nothing.
    """
    rows = scan_rows(store, [*COLUMNS, "estimand", ASKED])
    if not rows.num_rows:
        return []
    rows = distinct(rows.filter(pc.equal(rows["run"], run)))
    rows = rows.filter(rows["shown"])
    before = _first_meaning(record for record in read_runs(store) if record.run == run)
    names = ("key", "batch", "attempt", "estimand", ASKED)
    answerable = plan.program_of
    found = []
    for key, batch, attempt, have, prints in zip(*(rows[name].to_pylist() for name in names), strict=True):
        if not have or key not in answerable:
            continue
        told = dict(zip(have, prints or [None] * len(have), strict=True))
        asked = {name: meant or before.get(name) for name, meant in told.items()}
        now = plan.wanted.identities
        missing = tuple(name for name in now if name not in asked)
        changed = tuple(name for name in now if name in asked and asked[name] not in (None, now[name]))
        if missing or changed:
            found.append(Owed(key, batch, attempt, missing, changed, asked))
    return sorted(found, key=lambda one: (one.batch, one.key))


def _first_meaning(records: Iterable[RunRecord]) -> dict[str, str]:
    """What each estimand meant when the run first named it: of rows that do not say themselves, which are older."""
    meaning: dict[str, str] = {}
    for record in records:
        for name, identity in record.sections.get(ESTIMANDS, {}).items():
            meaning.setdefault(name, str(identity))
    return meaning

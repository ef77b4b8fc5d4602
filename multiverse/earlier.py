"""What a run tried before, and what of it is to be tried again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import pyarrow.compute as pc

from multiverse.engines.auto.history import AUDIT_Z
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store
from multiverse.store.part import DIAGNOSTIC, PURPOSE
from multiverse.store.row_scan import scan_rows
from multiverse.store.same_as import SAME_AS

FAILURES: Final = "failures"  # stands for every reason
_COLUMNS: Final = ("reason", "message", "engine", PURPOSE, SAME_AS, DIAGNOSTIC + AUDIT_Z)


class Earlier(NamedTuple):
    """done: universes answered for good. attempts: at all universes, without numbers and draws, in any order.

    shared: those of `done` whose answer was made for an exact duplicate.
    """

    done: frozenset[str]
    attempts: tuple[Outcome, ...]
    shared: frozenset[str] = frozenset()

    def of(self, todo: frozenset[str], planned: Collection[str]) -> list[Outcome]:
        """The attempts at these planned universes: at those to do, and at those that were run and are done."""
        known = self.done.intersection(planned) - self.shared
        return [outcome for outcome in self.attempts if outcome.key in todo or outcome.key in known]


def earlier(store: Store, run: str, again: frozenset[Reason] = frozenset()) -> Earlier:
    """What a run has answered for good, and what it tried in vain. again: red ones with these reasons are not done."""
    rows = scan_rows(store, [*COLUMNS, *_COLUMNS])
    rows = distinct(rows) if rows.num_rows else rows  # an attempt that was judged again counts as it was judged last
    rows = rows.filter(pc.equal(rows["run"], run)) if rows.num_rows else rows
    mine = [_attempt(row) for row in rows.to_pylist()]
    shared = frozenset(
        row for row, same in zip(rows["key"].to_pylist(), rows[SAME_AS].to_pylist(), strict=True) if same
    )
    last: dict[str, Outcome] = {}  # of each universe the attempt that counts, where one is final
    for outcome in mine:
        if outcome.final and (outcome.key not in last or outcome.attempt > last[outcome.key].attempt):
            last[outcome.key] = outcome
    done = frozenset(key for key, outcome in last.items() if outcome.reason not in again)
    return Earlier(done, tuple(mine), shared)


def reasons_named(retry: str | Iterable[str] | None) -> frozenset[Reason]:
    """The reasons for which universes are tried again: those named, all for "failures", none for None.

    Raises PlanError for a name that is no reason.
    """
    names = [] if retry is None else [retry] if isinstance(retry, str) else list(retry)
    known = {reason.name: reason for reason in Reason if reason}
    if unknown := [name for name in names if name != FAILURES and name not in known]:
        raise PlanError(
            Problem(
                f"retry names {name!r}, which is not a reason.",
                f"{FAILURES!r} for all red universes, or some of {', '.join(known)}",
                f"{near_miss(str(name), [FAILURES, *known])}Write retry={FAILURES!r}, or --retry {FAILURES}",
            )
            for name in unknown
        )
    return frozenset(known.values() if FAILURES in names else (known[name] for name in names))


def _attempt(row: Mapping[str, Any]) -> Outcome:
    z = row[DIAGNOSTIC + AUDIT_Z]
    return Outcome(
        row["key"],
        Reason.ok if row["reason"] is None else Reason[row["reason"]],
        row["message"] or "",
        diagnostics={} if z is None else {AUDIT_Z: z},
        attempt=row["attempt"],
        final=row["final"],
        engine=row["engine"] or "",
        batch=row["batch"] or "",
        purpose=row[PURPOSE] or "",
    )

"""What a run tried before, and what of it is to be tried again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store
from multiverse.store.row_scan import scan_rows

FAILURES: Final = "failures"  # stands for every reason
_COLUMNS: Final = ("key", "run", "attempt", "final", "reason")


class Earlier(NamedTuple):
    """done: universes answered for good. attempts: at the others, without numbers and draws, in any order."""

    done: frozenset[str]
    attempts: tuple[Outcome, ...]


def earlier(store: Store, run: str, again: frozenset[Reason] = frozenset()) -> Earlier:
    """What a run has answered for good, and what it tried in vain. again: red ones with these reasons are not done."""
    rows = scan_rows(store, [*COLUMNS, "reason"])
    rows = distinct(rows) if rows.num_rows else rows  # an attempt that was judged again counts as it was judged last
    listed = zip(*(rows[name].to_pylist() for name in _COLUMNS), strict=True)
    mine = [Outcome(key, _reason(why), attempt=at, final=final) for key, its, at, final, why in listed if its == run]
    last: dict[str, Outcome] = {}  # of each universe the attempt that counts, where one is final
    for outcome in mine:
        if outcome.final and (outcome.key not in last or outcome.attempt > last[outcome.key].attempt):
            last[outcome.key] = outcome
    done = frozenset(key for key, outcome in last.items() if outcome.reason not in again)
    return Earlier(done, tuple(outcome for outcome in mine if outcome.key not in done))


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


def _reason(code: str | None) -> Reason:
    return Reason.ok if code is None else Reason[code]

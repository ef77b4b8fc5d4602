"""How a universe came to its answer: every attempt at it, with its engine, what that saw, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow.compute as pc

from multiverse.cli.cells import said
from multiverse.cli.tables import echo_table
from multiverse.planning.duration import short
from multiverse.store.attempts import distinct
from multiverse.store.contract import Store
from multiverse.store.part import ESTIMATE, decode
from multiverse.store.row_scan import scan_rows

SEEN: Final = {  # diagnostics that tell attempts apart -> what a person calls them
    "khat": "k-hat",
    "rhat_max": "R-hat",
    "ess_bulk_min": "bulk ESS",
    "importance_ess": "ESS",
    "divergences": "divergences",
    "audit_z": "audit",
}


def attempts_card(store: Store, run: str, key: str) -> list[dict[str, Any]]:
    """Every attempt at a universe, in order: engine, colour, reason and message, seconds, diagnostics."""
    rows = distinct(scan_rows(store, lambda column: not column.startswith(ESTIMATE)))
    mine = rows.filter(pc.and_(pc.equal(rows["run"], run), pc.equal(rows["key"], key)))
    return [
        {
            "attempt": outcome.attempt,
            "engine": outcome.engine,
            "ok": outcome.ok,
            "final": outcome.final,
            "reason": None if outcome.ok else outcome.reason.name,
            "message": outcome.message or None,
            "escalated": outcome.escalated or None,
            "seconds": outcome.seconds,
            "diagnostics": dict(outcome.diagnostics),
        }
        for outcome in sorted(decode(mine), key=lambda outcome: outcome.attempt)
    ]


def echo_attempts(attempts: Sequence[Mapping[str, Any]]) -> None:
    """A row an attempt."""
    rows = [
        (attempt["attempt"], attempt["engine"], _colour(attempt), _seen(attempt["diagnostics"]), _cost(attempt))
        for attempt in attempts
    ]
    echo_table(("attempt", "engine", "outcome", "seen", "work"), rows, indent=2, prose="seen")


def _colour(attempt: Mapping[str, Any]) -> str:
    if not attempt["ok"]:
        return f"red: {attempt['reason']}"
    return "green" if attempt["final"] else "green, audited"


def _seen(diagnostics: Mapping[str, float]) -> str:
    return ", ".join(f"{words} {said(diagnostics[name])}" for name, words in SEEN.items() if name in diagnostics)


def _cost(attempt: Mapping[str, Any]) -> str:
    return short(attempt["seconds"])

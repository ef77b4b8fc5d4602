"""One universe as plain data: its options, what came out of it, and what its data look like."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Any

from multiverse.cli.attempts_card import attempts_card
from multiverse.errors import Problem, ResultError
from multiverse.store.plan_table import PlannedUniverse, PlanRecord
from multiverse.store.sql import ask
from multiverse.store.views import open_views

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from multiverse.results import Results

SHOWN = 5  # keys that a message lists


def find_universe(record: PlanRecord, beginning: str) -> PlannedUniverse:
    """The universe whose key begins like this; `reference` stands for the reference universe.

    Raises ResultError where there is none, or more than one, and lists keys.
    """
    found = [
        universe
        for universe in record.universes
        if (universe.reference if beginning == "reference" else universe.key.startswith(beginning.lower()))
    ]
    if len(found) == 1:
        return found[0]
    some = [universe.key for universe in (found or record.universes)][:SHOWN]
    what = f"{len(found):,} universes have a key" if found else "no universe has a key"
    raise ResultError(
        Problem(
            f"{what} that begins with {beginning!r}.",
            "a key or the beginning of one, or `reference`",
            f"one of {', '.join(key[:12] for key in some)}{', ...' if len(some) == SHOWN else ''}",
        )
    )


def options_card(record: PlanRecord, universe: PlannedUniverse) -> list[dict[str, Any]]:
    """The decisions of a universe in order: decision, kind, label (None where idle), why, plausibility, reference."""
    rows = []
    for decision in record.header.decisions:
        label = universe.labels[decision.name]
        option = next((option for option in decision.options if option.label == label), None)
        rows.append(
            {
                "decision": decision.name,
                "kind": decision.kind,
                "label": label,
                "why": option.why if option else None,
                "plausibility": option.plausibility if option else None,
                "reference": option.reference if option else False,
            }
        )
    return rows


def outcome_card(results: Results, key: str) -> dict[str, Any] | None:
    """What came out of a universe: reason, message and mend, estimates, diagnostics; None if it is not answered."""
    with closing(open_views(results.store)) as con:
        answers = _rows(con, "universes", key, results.run)
        if answers.empty:
            return None
        columns = ("ok", "reason", "engine", "attempt", "seconds", "finished", "rows_kept", "host", "program")
        card = {name: answers[name].iloc[0] for name in columns}
        for name in ("same_as", "escalated", "verified_by"):
            told = answers[name].iloc[0]
            card[name] = told if isinstance(told, str) else None
        card["finished"] = card["finished"].to_pydatetime().replace(tzinfo=UTC)
        failures = _rows(con, "failures", key, results.run)
        for name in ("message", "mend", "traceback"):
            card[name] = None if failures.empty else failures[name].iloc[0]
        estimates = _rows(con, "estimates", key, results.run)
        numbers = list(estimates.columns[list(estimates.columns).index("estimand") :])
        card["estimates"] = estimates[numbers].to_dict("records")
        found = _rows(con, "diagnostics", key, results.run)
        found = found[found["attempt"] == card["attempt"]]
        names = [name for name in found.columns if name not in ("key", "run", "engine", "attempt", "final", "ok")]
        card["diagnostics"] = {} if found.empty else {name: found[name].iloc[0] for name in names}
    card["attempts"] = attempts_card(results.store, results.run, key)
    return card


def _rows(con: DuckDBPyConnection, view: str, key: str, run: str) -> pd.DataFrame:
    escaped = run.replace("'", "''")
    return ask(con, f"select * from {view} where key = '{key}' and run = '{escaped}'")

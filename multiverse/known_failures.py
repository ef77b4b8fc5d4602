"""Universes that planning found cannot be answered, as outcomes: rows with a reason, beside those of the others."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import UTC, datetime

from multiverse.engines.outcome import Outcome, Reason
from multiverse.identity.keys import batch_id
from multiverse.planning.plan import Plan
from multiverse.store.contract import Store
from multiverse.store.part import encode

ENGINE = "planning"  # what rows of these outcomes show as their engine


def publish_failures(store: Store, plan: Plan, run: str, before: Iterable[Outcome] = ()) -> frozenset[str]:
    """Publish an outcome for each universe still to do that cannot be answered; their keys come back.

    before: earlier attempts at universes still to do; a further attempt has a higher number.
    """
    keys = sorted(plan.failures.keys() & plan.todo)
    if not keys:
        return frozenset()
    last: dict[str, int] = {}
    for outcome in before:
        last[outcome.key] = max(outcome.attempt, last.get(outcome.key, 0))
    outcomes = [
        Outcome(
            key, Reason[failure.stage], failure.message, failure.traceback, attempt=last.get(key, 0) + 1, seconds=0.0
        )
        for key in keys
        for failure in [plan.failures[key]]
    ]
    name = batch_id(ENGINE, {"run": run}, max(outcome.attempt for outcome in outcomes), keys)
    part = encode(
        outcomes,
        run=run,
        engine=ENGINE,
        batch=name,
        program={},
        rows_kept={},
        host=socket.gethostname(),
        finished=datetime.now(UTC),
    )
    store.put("part", name, part)
    return frozenset(keys)

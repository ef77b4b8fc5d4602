"""An engine as a source of answers: the plan of simulated data sets is swept as any plan is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from multiverse.calibrating.answer import Answer, Source
from multiverse.engines.outcome import ESTIMAND, LOG_LIKELIHOOD, SITE, DrawsName, Outcome
from multiverse.planning.quantities import values_of
from multiverse.planning.simulated_plan import SimulatedPlan
from multiverse.progress import Progress
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store
from multiverse.store.part import decode
from multiverse.store.row_scan import scan_rows
from multiverse.sweep import run

RUN = "calibration"  # the run of the store that holds the answers


def engine_source(engine: Any, store: str | Path | Store | None = None) -> Source:
    """The answers of an engine, with its settings.

    store: a place of its own where answers are kept, so that a check that was killed goes on, and another check of the
    same simulations asks nothing again; None: in memory.
    """

    def answers(simulated: SimulatedPlan, progress: Progress) -> Iterator[Answer]:
        keep = sorted(simulated.plan.wanted.keep) or "estimands"
        results = run(simulated.plan, engine=engine, store=store, run=RUN, keep=keep, progress=progress)
        for outcome in _shown(results.store):
            if outcome.key in simulated.origins:
                yield _answer(simulated, outcome, engine.name)

    return answers


def _shown(store: Store) -> Iterator[Outcome]:
    """The attempt at each data set that counts, with its draws, part by part."""
    rows = scan_rows(store, list(COLUMNS))
    rows = distinct(rows.filter(pc.equal(rows["run"], RUN)))
    rows = rows.filter(rows["shown"])
    wanted: dict[str, set[tuple[str, int]]] = {}
    for key, batch, attempt in zip(*(rows[name].to_pylist() for name in ("key", "batch", "attempt")), strict=True):
        wanted.setdefault(batch, set()).add((key, attempt))
    for batch, places in wanted.items():
        for outcome in decode(store.get("part", batch)):
            if (outcome.key, outcome.attempt) in places:
                yield outcome


def _answer(simulated: SimulatedPlan, outcome: Outcome, name: str) -> Answer:
    """An outcome's draws by quantity. Draws of weighing engines are a resample: worth what their weights were."""
    told: dict[str, dict[str, np.ndarray]] = {ESTIMAND: {}, SITE: {}}
    for text, values in outcome.draws.items():
        kind, of = DrawsName.parse(text)
        told.setdefault(kind, {})[of] = values
    draws = values_of(simulated.quantities, told[ESTIMAND], told[SITE], outcome.draws.get(LOG_LIKELIHOOD))
    ess = outcome.diagnostics.get("importance_ess", math.nan)
    return Answer(
        outcome.key,
        draws,
        name,
        outcome.ok,
        "" if outcome.ok else outcome.reason.name,
        outcome.engine,
        ess=ess if math.isfinite(ess) else None,
    )

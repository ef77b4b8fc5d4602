"""A small store of made-up outcomes: for testing, and for showing, what reads a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

import numpy as np

from multiverse.engines.outcome import ESTIMAND, LOG_LIKELIHOOD, LOG_PRIOR, SITE, DrawsName, Outcome, Reason
from multiverse.store.contract import Store
from multiverse.store.part import encode
from multiverse.store.plan_table import (
    PlanHeader,
    PlannedDecision,
    PlannedOption,
    PlannedUniverse,
    PlanRecord,
    encode_plan,
)
from multiverse.store.records import RunRecord, encode_record, encode_run
from multiverse.store.schema import DIAGNOSTICS

WHEN: Final = datetime(2026, 1, 1, tzinfo=UTC)
DECISIONS: Final = (
    PlannedDecision(
        "counties",
        "preprocessing",
        (PlannedOption("all", reference=True), PlannedOption("five homes or more", "small counties are noisy", 0.25)),
    ),
    PlannedDecision("family", "likelihood", (PlannedOption("normal", reference=True), PlannedOption("student"))),
    PlannedDecision("tail", "prior", (PlannedOption("light", reference=True), PlannedOption("heavy"))),
    PlannedDecision("slope", "prior", (PlannedOption("weak", reference=True), PlannedOption("sceptical"))),
)
RETRIED, DIVERGED, RAISED = 3, 6, 9  # positions of universes that were not green at once
CHAINS, DRAWS, GROUPS = 2, 20, 3


def plan() -> PlanRecord:
    """Twelve planned universes, the first the reference; `tail` applies to the Student family only."""
    labels = [
        dict(zip(("counties", "family", "tail", "slope"), chosen, strict=True))
        for chosen in product(*([option.label for option in decision.options] for decision in DECISIONS))
    ]
    spaces = [row | {"tail": None} if row["family"] == "normal" else row for row in labels]
    once = [row for i, row in enumerate(spaces) if row not in spaces[:i]]
    universes = tuple(
        PlannedUniverse(f"{i:032x}", row, f"program-{row['family']}", i == 0, 919 if row["counties"] == "all" else 893)
        for i, row in enumerate(once)
    )
    return PlanRecord(PlanHeader("radon", ("effect", "share"), DECISIONS, WHEN), universes)


def outcomes(universes: Sequence[PlannedUniverse], seed: int = 0) -> Iterator[Outcome]:
    """Every attempt at these universes: draws of two estimands, two sites and the log density, and their summaries.

    One universe was retried and then green, one diverged, one raised; the rest are green at once.
    """
    for i, universe in enumerate(universes):
        rng = np.random.default_rng([seed, i])
        draws = {
            str(DrawsName(ESTIMAND, "effect")): rng.normal(i / 10 - 0.7, 0.1, (CHAINS, DRAWS)),
            str(DrawsName(ESTIMAND, "share")): rng.beta(2, 5, (CHAINS, DRAWS)),
            str(DrawsName(SITE, "level")): rng.normal(0, 1, (CHAINS, DRAWS, GROUPS)),
            str(DrawsName(SITE, "slope")): rng.normal(0, 1, (CHAINS, DRAWS)),
            LOG_PRIOR: rng.normal(-3, 1, (CHAINS, DRAWS)),
            LOG_LIKELIHOOD: rng.normal(-900, 1, (CHAINS, DRAWS)),
        }
        green = Outcome(
            universe.key,
            draws={name: values.astype(np.float32) for name, values in draws.items()},
            estimates={name: _summary(draws[str(DrawsName(ESTIMAND, name))]) for name in ("effect", "share")},
            diagnostics=dict.fromkeys(DIAGNOSTICS, 1.0) | {"divergences": 0.0},
            seconds=0.25,
        )
        if i == RETRIED:
            yield replace(green, reason=Reason.rhat, message="R-hat 1.20 for 'effect'", final=False)
            yield replace(green, attempt=2)
        elif i == DIVERGED:
            yield replace(green, reason=Reason.divergences, message="12 divergences")
        elif i == RAISED:
            raised = "Traceback (most recent call last):\nValueError: no rows"
            yield Outcome(universe.key, Reason.error, "ValueError: no rows", raised)
        else:
            yield green


def fill(store: Store, run: str = "main", *, batch: int = 4) -> PlanRecord:
    """Put a study, a plan, a run and all outcomes, in parts of `batch` attempts; gives the plan."""
    planned = plan()
    rows = {universe.key: universe.rows_kept or 0 for universe in planned.universes}
    programs = {universe.key: universe.program for universe in planned.universes}
    record = RunRecord(
        run, f"id-{run}", planned.name(), 1, WHEN, {"versions": {"jax": "0.10.2"}, "seed": {"seed": "0"}}
    )
    store.put("study", "radon", encode_record({"study": {"name": "radon", "model": "3f2a"}}))
    store.put("plan", planned.name(), encode_plan(planned))
    store.put("run", record.name(), encode_run(record))
    attempts = list(outcomes(planned.universes))
    for start in range(0, len(attempts), batch):
        name = f"{run}-{start:03d}"
        part = encode(
            attempts[start : start + batch],
            run=run,
            engine="nuts",
            batch=name,
            program=programs,
            rows_kept=rows,
            host="here",
            finished=WHEN + timedelta(seconds=start),
        )
        store.put("part", name, part)
    return planned


def _summary(draws: np.ndarray) -> dict[str, float]:
    quantiles = dict(zip(("q2_5", "q25", "median", "q75", "q97_5"), (0.025, 0.25, 0.5, 0.75, 0.975), strict=True))
    numbers = {name: float(np.quantile(draws, p)) for name, p in quantiles.items()}
    size, sd = draws.size, float(draws.std(ddof=1))
    told = {"mean": float(draws.mean()), "sd": sd, "p_positive": float((draws > 0).mean())}
    return numbers | told | {"mcse_mean": sd / size**0.5, "ess": float(size), "ess_tail": float(size), "rhat": 1.0}

"""Networks on a cluster: what one worker has learnt another goes on from and answers with, to the bits of one process.

A segment of training reads the one before through the store; the programs of its family travel with it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.engines.amortized.engine import CHAINS
from multiverse.engines.amortized.learning import TRAINING, Goal
from multiverse.engines.amortized.training import Schedule
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.planning.plan import Plan
from multiverse.store.end_state import end_state

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))
import known_line

pytestmark = pytest.mark.ray

# Two segments, whatever the network says of itself, and so few steps that some universes cannot rely on its weights.
SHORT = mv.Amortized(
    draws=500,
    training=Schedule(batch=128, segment=20, steps=40, learning_rate=5e-3),
    goal=Goal(green=2.0),
    couplings=2,
    width=32,
    whiten="prior",
    tuning=None,
    escalate=None,
)
TUNED = replace(SHORT, tuning=mv.Tuning(after=10), escalate=mv.ShortChains(superchains=2, chains=2, draws=50))


@pytest.fixture(scope="module")
def two_programs() -> Plan:
    """12 universes in one family of two programs: one prior is of another kind."""
    priors = mv.prior(wide=dist.Normal(0.0, 3.0), narrow=dist.Normal(0.0, 0.2), heavy=dist.StudentT(4.0, 0.0, 1.0))
    decisions = {**known_line.space().decisions, "prior": priors}
    plan = mv.plan(known_line.study(space=mv.Space(decisions)))
    assert len(plan.programs) == 2
    return plan


@pytest.mark.parametrize(
    ("engine", "purposes"),
    [(SHORT, {TRAINING, None}), (TUNED, {TRAINING, None, CHAINS})],
    ids=["simulations alone", "tuned, then short chains"],
)
def test_a_network_is_that_of_this_process(
    machines: Any, two_programs: Plan, tmp_path: Path, engine: mv.Amortized, purposes: set[str | None]
) -> None:
    here = mv.run(two_programs, store=tmp_path / "here", engine=engine)
    there = mv.run(two_programs, store=tmp_path / "there", engine=engine, executor=Ray(workers=2))
    assert end_state(there.store).equals(end_state(here.store))
    handed = there.store.names("artefact")
    assert handed == here.store.names("artefact")
    assert all(there.store.get("artefact", batch).equals(here.store.get("artefact", batch)) for batch in handed)
    rows = there.store.scan("part").to_pylist()
    assert {row["purpose"] for row in rows} == purposes
    assert sum(row["purpose"] == TRAINING for row in rows) == 2
    assert sum(row["final"] for row in rows) == len(two_programs)

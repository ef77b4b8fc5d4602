"""The study normal_mean, planned once: its posterior is known in closed form."""

from __future__ import annotations

from types import ModuleType

import pytest

import multiverse as mv
from multiverse.planning.simulated_plan import SimulatedPlan, simulated_plan
from multiverse.progress import no_progress


@pytest.fixture(scope="module")
def planned(normal_mean: ModuleType) -> mv.Plan:
    return mv.plan(normal_mean.study(normal_mean.space(2, 2, ["none", "two"])), progress=no_progress)


@pytest.fixture(scope="module")
def simulated(planned: mv.Plan) -> SimulatedPlan:
    """200 data sets of 8 universes."""
    return simulated_plan(planned, simulations=200, seed=5, progress=no_progress)

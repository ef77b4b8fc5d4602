"""Many short chains on eight schools, from bad normal draws, against posteriordb's reference means.

Data, priors and reference: as in test_eight_schools.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.engines.short_chains.begin import Approximation
from multiverse.engines.short_chains.sample import sample_from
from multiverse.engines.short_chains.settings import ShortChains
from multiverse.planning.build import plan
from multiverse.planning.density import potential
from multiverse.planning.plan import Plan
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.study import Study

DATA = {
    "effect": np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]),
    "error": np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]),
}
# github.com/stan-dev/posteriordb, reference_posteriors/summary_statistics/mean_value (theta[1..8], mu, tau)
POSTERIORDB = [6.1505, 4.9396, 3.9059, 4.7960, 3.6144, 4.0511, 6.3172, 4.8840, 4.4105, 3.6021]
POSTERIORDB_ERROR = [0.0557, 0.0462, 0.0542, 0.0475, 0.0461, 0.0485, 0.0499, 0.0543, 0.0330, 0.0319]
WITHIN = 4  # Monte Carlo standard errors
BAD = {"shifted": (2.0, 0.5), "narrow": (0.0, 0.3), "wide": (0.0, 3.0)}  # centre and sd of each of the ten numbers


def model(data: Mapping[str, Any], *, width: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(width))
    with numpyro.plate("schools", 8):
        theta = numpyro.deterministic("theta", mu + tau * numpyro.sample("z", dist.Normal()))
        numpyro.sample("y", dist.Normal(theta, data["error"]), obs=data["effect"])


def school(j: int) -> Any:
    return lambda draws: draws["theta"][:, j]


@pytest.fixture(scope="module")
def planned() -> Plan:
    estimands = {**{f"theta {j}": school(j) for j in range(8)}, "mu": "mu", "tau": "tau"}
    return plan(
        Study("schools", data=DATA, model=model, estimands=estimands, space=Space(width=prior(posteriordb=5.0)))
    )


def approximation(planned: Plan, centre: float, sd: float) -> Approximation:
    """A thousand normal draws, and what the model says that they weigh."""
    (program,), (key,) = planned.programs, planned.keys
    white = np.random.default_rng(0).normal(size=(1000, program.sites.dimension))
    leaves = {path: leaf[0] for path, leaf in program.gather([key], "float64").items()}
    with jax.enable_x64(True):
        minus = jax.vmap(lambda z: potential(program.signature, program.sites)(leaves, z))(centre + sd * white)
    return Approximation(centre + sd * white, -np.asarray(minus) + np.square(white).sum(axis=1) / 2)


def answer(planned: Plan, centre: float, sd: float) -> Outcome:
    (program,), (key,) = planned.programs, planned.keys
    batch = Batch("b", program, (key,), planned.wanted)
    settings = ShortChains(draws=500)
    return sample_from(batch, {key: approximation(planned, centre, sd)}, settings, 1)[key]


@pytest.mark.slow
@pytest.mark.parametrize("bad", BAD)
def test_means_are_those_of_posteriordb_whatever_the_draws_were(planned: Plan, bad: str) -> None:
    outcome = answer(planned, *BAD[bad])
    assert outcome.ok, outcome.message
    assert len(outcome.estimates) == len(POSTERIORDB)
    for found, theirs, error in zip(outcome.estimates.values(), POSTERIORDB, POSTERIORDB_ERROR, strict=True):
        assert abs(found["mean"] - theirs) < WITHIN * np.hypot(found["mcse_mean"], error)
    assert outcome.diagnostics["nested_rhat_local_max"] < 1.02

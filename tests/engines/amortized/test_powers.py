"""Power-scaling: exponents of prior and likelihood as options, which a network that is tuned answers exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.engines.amortized.family import families_of

DATA = {"y": np.array([1.3, 0.2, 2.1, 0.9, 1.6, 0.4, 1.1, 1.9])}
POWERS = {"half": 0.5, "a fifth less": 0.8, "whole": 1.0, "double": 2.0}


def model(data: Mapping[str, Any], *, prior: float, likelihood: float) -> None:
    with numpyro.handlers.scale(scale=prior):
        mean = numpyro.sample("mean", dist.Normal(0, 1))
    with mv.rows(data), numpyro.handlers.scale(scale=likelihood):
        numpyro.sample("y", dist.Normal(mean, 1), obs=data["y"])


STUDY = mv.Study(
    "power-scaled",
    data=DATA,
    model=model,
    estimands={"mean": "mean"},
    space=mv.Space(prior=mv.prior(POWERS), likelihood=mv.likelihood(POWERS)),
)


def test_without_tuning_it_is_declined() -> None:
    plan = mv.plan(STUDY)
    found, declined = families_of(plan, tuned=False)
    assert not found and "the density of 'mean' is scaled" in next(iter(declined.values()))
    (family,), declined = families_of(plan)
    assert not declined and len(family.programs) == 1


@pytest.mark.slow
def test_powers_are_answered() -> None:
    """Normal-normal with powers a of the prior and b of the likelihood: precision a + 8 b, mean b sum(y) over it."""
    engine = mv.Amortized(
        draws=2000,
        training=mv.Schedule(batch=128, segment=200, steps=600, learning_rate=5e-3),
        tuning=mv.Tuning(after=100),
        couplings=2,
        width=32,
        escalate=None,
    )
    results = mv.run(mv.plan(STUDY), engine=engine)
    found = results.sql(
        "select e.prior, e.likelihood, e.ok, mean, sd, mcse_mean, importance_ess from estimates e "
        "join diagnostics d using (key) where d.final"
    )
    assert len(found) == 16 and found["ok"].all()
    for row in found.itertuples():
        prior, likelihood = POWERS[row.prior], POWERS[row.likelihood]
        precision = prior + likelihood * len(DATA["y"])
        assert row.mean == pytest.approx(likelihood * DATA["y"].sum() / precision, abs=4.5 * row.mcse_mean)
        assert row.sd == pytest.approx(precision**-0.5, rel=4.5 / np.sqrt(2 * row.importance_ess))
    assert found["importance_ess"].median() > 1000

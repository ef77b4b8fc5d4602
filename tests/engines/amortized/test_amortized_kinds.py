"""Kinds of models that the amortized engine answers: one latent, hierarchies of two programs, many rows, no numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.stats import norm

import multiverse as mv
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.outcome import Outcome, Reason
from multiverse.testing_engines import answer

pytestmark = pytest.mark.slow  # each compiles a network of its own, some 20 s
WITHIN = 4.5  # Monte Carlo standard errors


def answered(
    engine: Amortized, model: Any, data: Any, space: mv.Space, **changes: Any
) -> tuple[mv.Plan, list[Outcome]]:
    parts: dict[str, Any] = {"prepare": lambda raw: raw, "estimands": {"mu": "mu"}, **changes}
    study = mv.Study("kinds", data=data, model=model, space=space, **parts)
    planned = mv.plan(study)
    return planned, [o for _, outcomes in answer(engine, planned) for o in outcomes if o.final]


@pytest.mark.parametrize("whiten", ["prior", "newton"])
def test_one_latent_and_many_padded_rows(small_engine: Amortized, whiten: str) -> None:
    """Newton leaves nothing to learn; by the prior the network has to find posteriors a twelfth as wide."""
    y = 0.3 + np.random.default_rng(1).normal(size=150)

    def model(data, *, prior):
        mu = numpyro.sample("mu", prior)
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(mu, 1), obs=data["y"])

    planned, found = answered(
        replace(small_engine, whiten=whiten, training=Schedule(segment=400, steps=1200, learning_rate=5e-3)),
        model,
        {"y": y},
        mv.Space(
            rows=mv.preprocessing({"all": 150, "some": 120}), prior=mv.prior(a=dist.Normal(0, 1), b=dist.Normal(1, 0.3))
        ),
        prepare=lambda raw, *, rows: {"y": raw["y"][:rows]},
    )
    assert len(planned.programs) == 1
    green = [outcome for outcome in found if outcome.ok]
    assert len(green) == 4 if whiten == "newton" else len(green) >= 2, [outcome.message for outcome in found]
    assert {outcome.reason for outcome in found if not outcome.ok} <= {Reason.khat, Reason.ess}
    for outcome in green:
        universe = planned.universes[outcome.key]
        mean, sd = {"a": (0, 1), "b": (1, 0.3)}[str(universe["prior"])]
        seen = y[: {"all": 150, "some": 120}[str(universe["rows"])]]
        precision = sd**-2 + len(seen)
        exact = norm((mean * sd**-2 + seen.sum()) / precision, precision**-0.5)
        numbers = outcome.estimates["mu"]
        assert abs(numbers["mean"] - exact.mean()) < WITHIN * numbers["mcse_mean"]
        assert numbers["sd"] == pytest.approx(exact.std(), rel=WITHIN / np.sqrt(2 * numbers["ess_tail"]))


def test_two_programs_of_a_family_are_answered_by_one_network(small_engine: Amortized) -> None:
    def model(data, *, prior, likelihood):
        mu = numpyro.sample("mu", prior)
        extra = numpyro.sample("extra", dist.Normal(0, 1))
        at = mu + extra
        family = dist.Normal(at, 1.0) if likelihood == "normal" else dist.Normal(at, 1.0).to_event(0).expand([6])
        numpyro.sample("y", family, obs=data["y"])

    y = np.array([0.2, -0.5, 1.4, 0.3, 0.9, 0.0])
    planned, found = answered(
        small_engine,
        model,
        {"y": y},
        mv.Space(
            prior=mv.prior(a=dist.Normal(0, 1), b=dist.Normal(0, 2)),
            likelihood=mv.likelihood(normal="normal", other="other"),
        ),
    )
    assert len(planned.programs) == 2 and len(found) == 4
    by = {(planned.universes[o.key]["prior"], planned.universes[o.key]["likelihood"]): o for o in found}
    for prior, sd in (("a", 1.0), ("b", 2.0)):
        both = [by[prior, likelihood] for likelihood in ("normal", "other")]
        covariance = np.linalg.inv(np.diag([sd**-2, 1.0]) + 6 * np.ones((2, 2)))
        mean = (covariance @ (y.sum() * np.ones(2)))[0]
        for outcome in both:
            assert outcome.ok, outcome.message
            assert abs(outcome.estimates["mu"]["mean"] - mean) < WITHIN * outcome.estimates["mu"]["mcse_mean"]
        apart = both[0].diagnostics["log_marginal"] - both[1].diagnostics["log_marginal"]
        assert abs(apart) < WITHIN * np.hypot(*(o.diagnostics["log_marginal_mcse"] for o in both))


def test_a_density_that_is_no_number_somewhere_is_red_or_right(small_engine: Amortized) -> None:
    """Half of the prior has no likelihood: such simulations are left out, and the universe is never green on them."""

    def model(data, *, prior):
        mu = numpyro.sample("mu", prior)
        numpyro.sample("y", dist.Normal(jnp.sqrt(mu), 1, validate_args=False), obs=data["y"])

    _, found = answered(
        replace(small_engine, training=Schedule(batch=64, segment=50, steps=50)),
        model,
        {"y": np.array([1.0, 1.3, 0.8])},
        mv.Space(prior=mv.prior(a=dist.Normal(1, 1), b=dist.Normal(0, 1))),
    )
    assert {outcome.reason for outcome in found} <= {Reason.not_finite, Reason.khat, Reason.distance}
    assert all(outcome.message for outcome in found)

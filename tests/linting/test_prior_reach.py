"""Priors that do not reach the data are found; priors that are merely vague are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.linting.finding import Finding
from multiverse.linting.prior_reach import (
    ALMOST_NO_MASS,
    BEYOND,
    CONFIDENCE,
    SIMULATIONS,
    _beyond,
    _Simulator,
    prior_reach,
)

HEIGHT = np.random.default_rng(2).normal(170.0, 10.0, size=50)  # centimetres


def model(data: Any, *, level: Any, noise: Any) -> None:
    mean = numpyro.sample("mean", level)
    sd = numpyro.sample("sd", noise)
    with mv.rows(data):
        numpyro.sample("height", dist.Normal(mean, sd), obs=data["y"])


def prepare(raw: np.ndarray, *, unit: float) -> Any:
    return {"y": raw * unit}


LEVELS = {
    "known": dist.Normal(170, 20),
    "careless": dist.Normal(0, 5),  # of centred data
    "far": dist.Normal(300, 10),
    "vague": dist.Normal(0, 10_000),
    "flat": dist.Uniform(0, 1e6),
}
NOISES = {
    "known": dist.HalfNormal(20),
    "tiny": dist.HalfNormal(0.2),
    "vague": dist.HalfNormal(5_000),
}


@pytest.fixture(scope="module")
def findings(quick_plan: Callable[[mv.Study], mv.Plan]) -> tuple[mv.Plan, list[Finding]]:
    study = mv.Study(
        "heights",
        data=HEIGHT,
        prepare=prepare,
        model=model,
        estimands={"mean": "mean"},
        space=mv.Space(unit=mv.preprocessing(centimetres=1.0), level=mv.prior(LEVELS), noise=mv.prior(NOISES)),
    )
    plan = quick_plan(study)
    return plan, list(prior_reach(plan))


def test_priors_that_do_not_reach_the_mean_or_the_spread(findings: tuple[mv.Plan, list[Finding]]) -> None:
    plan, found = findings
    mean, spread = sorted(found, key=lambda one: "standard deviation" in one.what)
    of_mean = {(plan.universes[key]["level"], plan.universes[key]["noise"]) for key in mean.universes}
    of_spread = {(plan.universes[key]["level"], plan.universes[key]["noise"]) for key in spread.universes}
    # A noise that is vague reaches any mean.
    assert of_mean == {(level, noise) for level in ("careless", "far") for noise in ("known", "tiny")}
    assert of_spread == {(level, "tiny") for level in LEVELS} - of_mean
    assert f"the mean of 'height' is {HEIGHT.mean():.4g}" in mean.what and "1,024 data sets" in mean.what
    assert "numpyro.infer.Predictive" in mean.mend


def test_vague_priors_are_silent(findings: tuple[mv.Plan, list[Finding]]) -> None:
    plan, found = findings
    concerned = {(plan.universes[key]["level"], plan.universes[key]["noise"]) for one in found for key in one.universes}
    assert not [at for at in concerned if at[1] == "vague"]
    assert not [at for at in concerned if at[1] != "tiny" and at[0] not in ("careless", "far")]


def test_the_number_of_simulations_resolves_the_threshold() -> None:
    """Clopper & Pearson: with a share of ALMOST_NO_MASS none is seen in fewer than 1 % of cases."""
    assert SIMULATIONS == 1024
    assert (1 - ALMOST_NO_MASS) ** SIMULATIONS < 1 - CONFIDENCE < (1 - ALMOST_NO_MASS) ** (SIMULATIONS // 2)


def test_simulated_data_sets_are_those_of_prior_and_likelihood(findings: tuple[mv.Plan, list[Finding]]) -> None:
    """Their means are the prior of the mean, since the noise is small beside it; each is drawn by itself."""
    plan, _ = findings
    key = next(key for key, u in plan.universes.items() if u["level"] == "known" and u["noise"] == "tiny")
    ((_, told),) = _Simulator(plan.program_of[key])([key], SIMULATIONS)
    means, spreads = told["height"].simulated.T
    assert len(np.unique(means)) > 0.99 * SIMULATIONS and len(means) == SIMULATIONS
    assert abs(means.mean() - 170.0) < 4 * 20.0 / SIMULATIONS**0.5  # four Monte Carlo errors
    assert abs(means.std() - 20.0) < 4 * 20.0 / (2 * SIMULATIONS) ** 0.5
    half_normal = (
        0.2 * (2 / np.pi) ** 0.5
    )  # the mean of the noise; its relative sd is 0.76, that of a spread beside it 0.1
    assert abs(spreads.mean() - half_normal) < 4 * 0.76 * half_normal / SIMULATIONS**0.5 + 0.02 * half_normal


def test_one_beyond_is_told_by_the_spacing_at_the_end() -> None:
    simulated = np.random.default_rng(1).standard_normal(SIMULATIONS)
    edge = np.sort(simulated)[-10:]
    spacing = (edge[-1] - edge[0]) / 9
    assert not _beyond(simulated, float(edge[-1]), BEYOND)
    assert not _beyond(simulated, float(edge[-1] + 0.99 * BEYOND * spacing), BEYOND)
    assert _beyond(simulated, float(edge[-1] + 1.01 * BEYOND * spacing), BEYOND)


@pytest.mark.parametrize("kind", ["standard_normal", "standard_exponential", "standard_cauchy", "random"])
def test_data_of_the_prior_itself_are_seldom_beyond(kind: str) -> None:
    """By chance 1 in 1,025 is beyond all at each end, 0.8 in 400: more than 4 would have a chance of 0.1 %."""
    draw = getattr(np.random.default_rng(6), kind)
    simulated, observed = draw((400, SIMULATIONS)), draw(400)
    beyond = [_beyond(s, o, BEYOND) or _beyond(-s, -o, BEYOND) for s, o in zip(simulated, observed, strict=True)]
    assert sum(beyond) <= 4


def positive(data: Any) -> None:
    mean = numpyro.sample("mean", dist.Normal(0, 1))
    with mv.rows(data):
        numpyro.sample("height", dist.LogNormal(mean, 0.1), obs=data["y"])


def test_data_that_the_likelihood_cannot_hold_are_left_to_the_check_of_these(
    quick_plan: Callable[[mv.Study], mv.Plan],
) -> None:
    """Far from the prior in either case, but below zero no other prior would mend it."""

    def found(data: np.ndarray) -> list[Any]:
        study = mv.Study("positive", data={"y": data}, model=positive, estimands={"mean": "mean"})
        return list(prior_reach(quick_plan(study)))

    assert len(found(HEIGHT)) == 1
    assert found(np.where(HEIGHT > HEIGHT.min(), HEIGHT, -1.0)) == []


def counts(data: Any, *, log_rate: Any) -> None:
    rate = numpyro.sample("rate", log_rate)
    with mv.rows(data):
        numpyro.sample("events", dist.Poisson(jnp.exp(rate)), obs=data["y"])


@pytest.mark.slow  # compiling a Poisson sampler takes some seconds
def test_counts_far_below_those_of_the_prior_and_a_prior_so_wide_that_they_overflow(
    quick_plan: Callable[[mv.Study], mv.Plan],
) -> None:
    priors = mv.prior(known=dist.Normal(1, 1), far=dist.Normal(6, 0.3), vague=dist.Normal(0, 30))
    data = {"y": np.random.default_rng(3).poisson(3.0, size=20)}
    study = mv.Study("counts", data=data, model=counts, estimands={"r": "rate"}, space=mv.Space(log_rate=priors))
    plan = quick_plan(study)
    [found] = prior_reach(plan)
    assert [plan.universes[key]["log_rate"] for key in found.universes] == ["far"]
    assert "smaller than in all of 1,024 data sets" in found.what and "log_rate == 'far'" in found.mend


def factored(data: Any) -> None:
    mean = numpyro.sample("mean", dist.Normal(0, 1))
    numpyro.factor("known", -1e3 * (mean - 170.0) ** 2)
    with mv.rows(data):
        numpyro.sample("height", dist.Normal(mean, 10.0), obs=data["y"])


def test_a_prior_with_a_factor_cannot_be_simulated(quick_plan: Callable[[mv.Study], mv.Plan]) -> None:
    study = mv.Study("factor", data={"y": HEIGHT}, model=factored, estimands={"mean": "mean"})
    assert list(prior_reach(quick_plan(study))) == []

"""The nested Laplace engine: its contract, closed forms, crossed groups, and what it must not answer."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam
from scipy.stats import multivariate_normal, norm

import multiverse as mv
from multiverse.engines.diagnostics import ess_mean
from multiverse.engines.engine import Engine
from multiverse.engines.gate import WeightsGate
from multiverse.engines.nested.engine import NestedLaplace
from multiverse.engines.outcome import LOG_PRIOR, Outcome, Reason
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.testing import OneShotEngineSuite
from multiverse.testing_engines import answer

WITHIN = 4  # Monte Carlo standard errors; of some 100 comparisons here one in a hundred sets of seeds has a larger one
WITHIN_MANY = 5  # of some 1,900; one set of seeds in a thousand has a larger one
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERROR = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def outcomes_of(engine: NestedLaplace, planned: Plan) -> dict[str, Outcome]:
    return {outcome.key: outcome for _, outcomes in answer(engine, planned) for outcome in outcomes}


def study(model: Any, data: Any, space: mv.Space, estimands: Mapping[str, Any]) -> mv.Study:
    return mv.Study(name="some", data=data, model=model, estimands=estimands, space=space)


def schools(data: Mapping[str, Any], *, spread: float, df: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 10))
    tau = numpyro.sample("tau", dist.HalfNormal(spread))
    with numpyro.plate("schools", 8):
        effect = numpyro.sample("effect", dist.StudentT(df, mu, tau))
        numpyro.sample("y", dist.Normal(effect, data["error"]), obs=data["effect"])


@pytest.fixture(scope="module")
def eighteen() -> Plan:
    """One program, two batches."""
    spreads = {f"{spread:.3g}": float(spread) for spread in np.geomspace(0.3, 30, 6)}
    space = mv.Space(spread=mv.prior(spreads), df=mv.prior(low=3.0, middle=8.0, high=30.0))
    return plan(study(schools, {"effect": EFFECT, "error": ERROR}, space, {"mu": "mu", "tau": "tau"}))


FEW = NestedLaplace(draws=150, starts=1, gate=WeightsGate(ess_min=20))  # for tests of anything but the posterior


class TestContract(OneShotEngineSuite):
    @pytest.fixture
    def engine(self) -> Engine[Any]:
        return FEW

    @pytest.fixture
    def planned(self, eighteen: Plan) -> Plan:
        return eighteen


def conjugate(data: Mapping[str, Any], *, tau: float, centre: float) -> None:
    """All is normal: tau and the error of each school are numbers."""
    mu = numpyro.sample("mu", dist.Normal(centre, 10))
    with numpyro.plate("schools", 8):
        effect = numpyro.sample("effect", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(effect, data["error"]), obs=data["effect"])


def test_a_conjugate_hierarchy_has_its_closed_form_and_marginal_likelihood() -> None:
    taus, centres = {f"{tau:g}": tau for tau in (0.1, 1.0, 10.0, 100.0)}, {"zero": 0.0, "twenty": 20.0}
    geometry = mv.parameterization({"as written": {}, "moved": {"effect": LocScaleReparam(0)}})
    space = mv.Space(tau=mv.prior(taus), centre=mv.prior(centres), geometry=geometry)
    estimands = {"mu": "mu", "first": lambda draws: draws["effect"][:, 0]}
    planned = plan(study(conjugate, {"effect": EFFECT, "error": ERROR}, space, estimands))
    found = outcomes_of(NestedLaplace(), planned)
    assert len(found) == 16
    for key, outcome in found.items():
        universe = planned.universes[key]
        tau, centre = taus[str(universe["tau"])], centres[str(universe["centre"])]
        covariance = np.diag(ERROR**2 + tau**2) + 100  # of y
        with_latents = np.array([np.full(8, 100.0), 100 + tau**2 * np.eye(8)[0]])  # of mu and the first effect with y
        mean = centre + with_latents @ np.linalg.solve(covariance, EFFECT - centre)
        assert outcome.ok, outcome.message
        for name, exact in zip(("mu", "first"), mean, strict=True):
            assert abs(outcome.estimates[name]["mean"] - exact) < WITHIN * outcome.estimates[name]["mcse_mean"]
        sd = np.sqrt(100 - with_latents[0] @ np.linalg.solve(covariance, with_latents[0]))
        for probability, name in ((0.025, "q2_5"), (0.5, "median"), (0.975, "q97_5")):
            found_at = norm(mean[0], sd).cdf(outcome.estimates["mu"][name])
            error = np.sqrt(probability * (1 - probability) / outcome.estimates["mu"]["ess_tail"])
            assert abs(found_at - probability) < WITHIN * error
        log_marginal = multivariate_normal(np.full(8, centre), covariance).logpdf(EFFECT)
        error = outcome.diagnostics["log_marginal_mcse"]
        assert abs(outcome.diagnostics["log_marginal"] - log_marginal) < WITHIN * error < 0.1
        assert outcome.diagnostics["heavy_locals"] == 0


ROW, COLUMN = np.divmod(np.arange(24), 4)
CELLS = np.random.default_rng(0).normal(size=24) + 0.7 * ROW - COLUMN


def crossed(data: Mapping[str, Any], *, spread: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    with numpyro.plate("rows", 6):
        row = numpyro.sample("row", dist.Normal(0, spread))
    with numpyro.plate("columns", 4):
        column = numpyro.sample("column", dist.Normal(0, spread))
    numpyro.sample("y", dist.Normal(mu + row[data["row"]] + column[data["column"]], 1), obs=data["y"])


@pytest.mark.slow
def test_crossed_groups_are_one_dense_block() -> None:
    space = mv.Space(spread=mv.prior(narrow=0.3, wide=3.0))
    planned = plan(study(crossed, {"y": CELLS, "row": ROW, "column": COLUMN}, space, {"mu": "mu"}))
    same_row, same_column = ROW[:, None] == ROW, COLUMN[:, None] == COLUMN
    for key, outcome in outcomes_of(NestedLaplace(starts=1), planned).items():
        spread = {"narrow": 0.3, "wide": 3.0}[str(planned.universes[key]["spread"])]
        covariance = 25 + spread**2 * (same_row + 1.0 * same_column) + np.eye(24)
        assert outcome.ok, outcome.message
        found = outcome.estimates["mu"]
        mean = 25 * np.linalg.solve(covariance, CELLS).sum()
        assert abs(found["mean"] - mean) < WITHIN * found["mcse_mean"]
        log_marginal = multivariate_normal(np.zeros(24), covariance).logpdf(CELLS)
        assert (
            abs(outcome.diagnostics["log_marginal"] - log_marginal) < WITHIN * outcome.diagnostics["log_marginal_mcse"]
        )


def test_kept_draws_and_densities_are_those_of_the_model_as_it_is_written() -> None:
    """Locals are drawn non-centered; the log prior of a draw is that of the sites which the user wrote."""
    planned = plan(
        study(
            conjugate,
            {"effect": EFFECT, "error": ERROR},
            mv.Space(tau=mv.prior(five=5.0), centre=mv.prior(zero=0.0)),
            {"mu": "mu"},
        )
    ).keeping("all")
    (outcome,) = outcomes_of(NestedLaplace(draws=60, starts=1), planned).values()
    mu, effect = outcome.draws["site/mu"][0], outcome.draws["site/effect"][0]
    assert effect.shape == (60, 8)
    log_prior = -((mu / 10) ** 2 + np.square((effect - mu[:, None]) / 5).sum(axis=1)) / 2
    log_prior -= np.log(10) + 8 * np.log(5) + 9 / 2 * np.log(2 * np.pi)
    np.testing.assert_allclose(outcome.draws["density/log_prior"][0], log_prior)


def load_from(folder: str, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of an experiment, which imports its neighbours."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS / folder))
    for neighbour in ("schools", "study", "quadrature"):  # of other experiments
        monkeypatch.delitem(sys.modules, neighbour, raising=False)
    return importlib.import_module(name)


@pytest.mark.slow
def test_eight_schools_of_any_kind_are_green_and_agree_with_quadrature(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 universes, effects with heavy tails, prior scales over two decades, centered and not."""
    folder = "benchmarks/eight_schools_kind"
    quadrature = load_from(folder, "quadrature", monkeypatch)
    results = mv.run(importlib.import_module("study").study, engine=NestedLaplace())
    rows = results.sql("select * from estimates")
    assert rows.drop_duplicates("key").ok.mean() >= 0.95
    apart = []
    for numbers, group in rows[rows.ok].groupby(["spread", "degrees", "center"]):
        exact = quadrature.posterior_means(*(float(str(number)) for number in numbers))
        apart += [(row["mean"] - exact[row.estimand][0]) / row.mcse_mean for _, row in group.iterrows()]
    assert len(apart) > 1800
    assert np.abs(apart).max() < WITHIN_MANY
    assert np.sqrt(np.square(apart).mean()) < 1.15  # estimates of a universe share their draws: 1.05 seen


@pytest.mark.slow
def test_radon_is_green_in_every_universe_and_agrees_with_nuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """90 latents; normal and Student-t, centered and not."""
    radon = load_from("radon", "study", monkeypatch).study
    everywhere = mv.run(radon, engine=NestedLaplace()).sql("select * from estimates").set_index("key")
    assert everywhere["ok"].all()
    some = mv.plan(radon, design=mv.designs.random(8))
    engine = mv.NUTS(warmup=500, draws=1000, max_tree_depth=7)
    nuts = mv.run(some, engine=engine).sql("select * from estimates where ok").set_index("key")
    both = everywhere.merge(nuts, on="key", suffixes=("", "_nuts"))
    assert len(both) >= 6
    error = np.hypot(both["mcse_mean"].to_numpy(), both["mcse_mean_nuts"].to_numpy())
    assert float(np.abs((both["mean"] - both["mean_nuts"]).to_numpy() / error).max()) < WITHIN
    for name in ("q2_5", "q97_5"):  # a quantile that far out of 400 draws: some 0.13 sd
        assert ((both[name] - both[f"{name}_nuts"]).abs() / both.sd).max() < 0.5


def flat(data: Mapping[str, Any], *, spread: float) -> None:
    numpyro.sample("y", dist.Normal(numpyro.sample("mu", dist.Normal(0, spread)), 1), obs=data["y"])


def test_a_model_without_plates_is_refused_and_has_no_price() -> None:
    planned = plan(study(flat, {"y": CELLS}, mv.Space(spread=mv.prior(one=1.0)), {"mu": "mu"}))
    (outcome,) = outcomes_of(NestedLaplace(), planned).values()
    assert outcome.reason is Reason.structure and "inside a plate" in outcome.message
    assert NestedLaplace().price(planned.programs[0], 1e-5) is None


def test_a_universe_out_of_time_says_so(eighteen: Plan) -> None:
    hurried = replace(eighteen, wanted=replace(eighteen.wanted, time_limit=1e-6))
    for outcome in outcomes_of(FEW, hurried).values():
        assert outcome.reason is Reason.time and "1e-06 s" in outcome.message


def test_what_is_tried_with_heavier_tails_keeps_as_many_draws(eighteen: Plan) -> None:
    found = outcomes_of(replace(FEW, gate=WeightsGate(ess_min=75)), eighteen).values()
    assert {outcome.diagnostics["heavy_locals"] for outcome in found} == {0.0, 1.0}
    assert {values.shape for outcome in found for values in outcome.draws.values()} == {(1, 150)}


def test_kept_draws_stand_in_no_order(eighteen: Plan) -> None:
    """Near draws first, as they are made, would look like a chain that hardly mixes: some 10 of 150 effective draws."""
    found = outcomes_of(FEW, eighteen).values()
    sizes = [
        ess_mean(o.draws[LOG_PRIOR][None].astype(float))[0]
        for o in found
        if o.ok and o.diagnostics["heavy_locals"] == 0
    ]
    assert len(sizes) > 5 and np.median(sizes) > 30


def test_what_it_cannot_be_asked() -> None:
    with pytest.raises(PlanError, match="draws=0"):
        NestedLaplace(draws=0)
    with pytest.raises(PlanError, match="a multiple of the rounds"):
        NestedLaplace(draws=100, rounds=3)

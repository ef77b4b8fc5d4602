"""The Laplace engine: its contract, closed forms, quadrature, and posteriors that it must not answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.special import betaln, gammaln
from scipy.stats import beta, multivariate_normal

import multiverse as mv
from multiverse.engines.engine import Engine
from multiverse.engines.laplace.engine import BLOCK, Laplace
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.testing import OneShotEngineSuite
from multiverse.testing_engines import answer

FEW = Laplace(draws=200, starts=2)  # for tests of anything but the posterior
WITHIN = 4  # Monte Carlo standard errors; of some 300 comparisons here one in fifty sets of seeds has a larger one


def outcomes_of(engine: Laplace, planned: Plan) -> dict[str, Outcome]:
    return {outcome.key: outcome for _, outcomes in answer(engine, planned) for outcome in outcomes}


def study(model: Any, data: Any, space: mv.Space, *estimands: str) -> mv.Study:
    return mv.Study(name="some", data=data, model=model, estimands={n: n for n in estimands}, space=space)


class TestContract(OneShotEngineSuite):
    @pytest.fixture
    def engine(self) -> Engine[Any]:
        return FEW

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


@pytest.fixture(scope="module")
def fifty(laplace_run: mv.Results) -> mv.Results:
    """Results of the 50 universes with a closed form."""
    return laplace_run


def test_a_conjugate_normal_is_answered_exactly(normal_mean: ModuleType, fifty: mv.Results) -> None:
    rows = fifty.sql("select * from estimates").merge(fifty.sql("select * from diagnostics"), on=["key", "run", "ok"])
    assert len(rows) == 50 and rows.ok.all()
    for _, row in rows.iterrows():
        exact = normal_mean.exact(row)
        assert abs(row["mean"] - exact.mean) < WITHIN * row.mcse_mean
        assert row.mcse_mean == pytest.approx(exact.sd / np.sqrt(row.ess), rel=0.2)
        assert row.sd == pytest.approx(exact.sd, rel=WITHIN / np.sqrt(2 * row.ess))
        y = normal_mean.Y[normal_mean.DROPPED[row.dropped] :]
        mean, sd = normal_mean.PRIORS[row.prior]
        noise = normal_mean.NOISES[row.noise]
        covariance = noise**2 * np.eye(len(y)) + sd**2
        log_marginal = multivariate_normal(np.full(len(y), mean), covariance).logpdf(y)
        assert abs(row.log_marginal - log_marginal) < WITHIN * row.log_marginal_mcse < 0.03
        assert np.isnan(row.rhat) and np.isnan(row.rhat_max)


def test_kept_draws_are_those_of_the_posterior(normal_mean: ModuleType, fifty: mv.Results) -> None:
    draws = fifty.draws(["mu", "twice", "log_prior", "log_likelihood"])
    rows = fifty.sql("select * from estimates").set_index("key")
    assert dict(draws.sizes)["chain"] == 1 and dict(draws.sizes)["draw"] == 1000
    for i, key in enumerate(draws["universe"].values):
        mu, row = draws["mu"].values[i].ravel(), rows.loc[str(key)]
        np.testing.assert_allclose(draws["twice"].values[i].ravel(), 2 * mu)
        # a systematic resample is as good as the weights but for one draw at each place
        assert abs(mu.mean() - row["mean"]) < WITHIN * row.mcse_mean
        mean, sd = normal_mean.PRIORS[row.prior]
        expected = -(((mu - mean) / sd) ** 2) / 2 - np.log(sd * np.sqrt(2 * np.pi))
        np.testing.assert_allclose(draws["log_prior"].values[i].ravel(), expected, rtol=1e-6)


PRIORS_OF_SHARE = {"flat": (1.0, 1.0), "jeffreys": (0.5, 0.5), "low": (2.0, 20.0), "sure": (80.0, 40.0)}
COUNTS = {"none": 0, "one": 1, "half": 15, "most": 28, "all": 30}


def share(data: Mapping[str, Any], *, prior: Any, successes: Any) -> None:
    """Beta-binomial: 30 trials."""
    p = numpyro.sample("p", prior)
    numpyro.sample("y", dist.Binomial(30, p), obs=data["zero"] + successes)


@pytest.mark.slow  # a program that no other test has; other closed forms are above and below
def test_a_beta_binomial_grid_is_answered_exactly() -> None:
    """Skewed on the unconstrained scale, most where all or no trials succeed."""
    priors = {name: dist.Beta(*at) for name, at in PRIORS_OF_SHARE.items()}
    space = mv.Space(prior=mv.prior(priors), successes=mv.preprocessing({n: float(c) for n, c in COUNTS.items()}))
    planned = plan(study(share, {"zero": np.zeros(())}, space, "p"))
    engine = Laplace(draws=2000, seed=3)  # of most seeds one of the two most skewed is red for the ESS of its tail
    for key, outcome in outcomes_of(engine, planned).items():
        universe = planned.universes[key]
        (a, b), y = PRIORS_OF_SHARE[str(universe["prior"])], COUNTS[str(universe["successes"])]
        assert outcome.ok, outcome.message
        exact, found = beta(a + y, b + 30 - y), outcome.estimates["p"]
        assert abs(found["mean"] - exact.mean()) < WITHIN * found["mcse_mean"]
        assert found["sd"] == pytest.approx(exact.std(), rel=0.15)
        assert exact.cdf(found["median"]) == pytest.approx(0.5, abs=WITHIN * 0.5 / np.sqrt(found["ess"]))
        choose = gammaln(31) - gammaln(y + 1) - gammaln(31 - y)
        log_marginal = choose + betaln(a + y, b + 30 - y) - betaln(a, b)
        error = outcome.diagnostics["log_marginal_mcse"]
        assert abs(outcome.diagnostics["log_marginal"] - log_marginal) < WITHIN * error


VALUES = np.array([-0.3, 0.1, 0.4, 0.9, 1.3, 7.0])


def heavy(data: Mapping[str, Any], *, df: float, scale: float) -> None:
    """Two parameters, an outlier, and a likelihood that is not log-concave."""
    centre = numpyro.sample("centre", dist.Normal(0, scale))
    spread = numpyro.sample("spread", dist.HalfNormal(2.0))
    numpyro.sample("y", dist.StudentT(df, centre, spread), obs=data["y"])


def quadrature(df: float, scale: float) -> tuple[np.ndarray, float]:
    """Posterior means of centre and spread, and the log marginal likelihood, on a fine grid."""
    centre, log_spread = np.linspace(-12, 12, 1201), np.linspace(-6, 4, 1001)
    c, s = centre[:, None], np.exp(log_spread)[None, :]
    log_joint = -((c / scale) ** 2) / 2 - np.log(scale * np.sqrt(2 * np.pi))
    log_joint = log_joint - (s / 2) ** 2 / 2 + np.log(2 / (2 * np.sqrt(2 * np.pi))) + log_spread
    constant = gammaln((df + 1) / 2) - gammaln(df / 2) - np.log(df * np.pi) / 2
    for y in VALUES:
        log_joint = log_joint + constant - np.log(s) - (df + 1) / 2 * np.log1p(((y - c) / s) ** 2 / df)
    density = np.exp(log_joint - log_joint.max())
    area = (centre[1] - centre[0]) * (log_spread[1] - log_spread[0])
    means = np.array([(density * c).sum(), (density * s).sum()]) / density.sum()
    return means, float(log_joint.max() + np.log(density.sum() * area))


def test_two_parameters_agree_with_quadrature() -> None:
    dfs, scales = {"two": 2.0, "ten": 10.0}, {"narrow": 0.3, "wide": 3.0}
    planned = plan(
        study(heavy, {"y": VALUES}, mv.Space(df=mv.likelihood(dfs), scale=mv.prior(scales)), "centre", "spread")
    )
    engine = Laplace(draws=4000, seed=1)  # z of 260 seeds has a root mean square of 1.0; the largest, 4.7, is seed 0's
    for key, outcome in outcomes_of(engine, planned).items():
        universe = planned.universes[key]
        means, log_marginal = quadrature(dfs[str(universe["df"])], scales[str(universe["scale"])])
        assert outcome.ok, outcome.message
        for name, mean in zip(("centre", "spread"), means, strict=True):
            found = outcome.estimates[name]
            assert abs(found["mean"] - mean) < WITHIN * found["mcse_mean"]
        error = outcome.diagnostics["log_marginal_mcse"]
        assert abs(outcome.diagnostics["log_marginal"] - log_marginal) < WITHIN * error


def trap(data: Mapping[str, Any], *, shape: str) -> None:
    """Posteriors without data, for which Laplace's approximation is right (plain) or wrong."""
    v = numpyro.sample("v", dist.Cauchy(0, 1) if shape == "unbounded" else dist.Normal(data["zero"], 3.0))
    if shape == "funnel":  # Neal 2003, Annals of Statistics 31(3), section 8
        numpyro.sample("x", dist.Normal(0.0, jnp.exp(v / 2)).expand([9]).to_event(1))
    elif shape == "flat":
        numpyro.sample("other", dist.Normal(0, 1))
        numpyro.factor("no prior", v**2 / 18)
    elif shape == "unbounded":
        numpyro.factor("rise", 3 * v)
    elif shape == "nowhere":
        numpyro.factor("no mass", -jnp.inf + 0 * v)
    elif shape in MODES:
        (first, second), sd = MODES[shape], 0.5
        numpyro.factor(
            "modes", jnp.logaddexp(-(((v - first) / sd) ** 2) / 2, jnp.log(2) - ((v - second) / sd) ** 2 / 2)
        )


MODES = {"two modes": (3.0, -3.0), "two modes close by": (1.0, -1.0), "a hidden mode": (1.0, -20.0)}
TRAPS = {
    "plain": (Reason.ok, ""),
    "funnel": (Reason.mode, "no mode was found in 200 steps of Newton's method, from 4 starts"),
    "flat": (Reason.curvature, "not positive definite"),
    "unbounded": (Reason.mode, "no mode was found in 200 steps of Newton's method, from 4 starts"),
    "nowhere": (Reason.not_finite, "no starting point with a finite log joint"),
    "two modes": (Reason.modes, "2 modes were found, and the draws around the highest one do not reach another with"),
    "two modes close by": (Reason.khat, "Pareto k-hat is"),
}


@pytest.mark.parametrize("shape", TRAPS)
def test_a_trap_is_red_and_says_why(shape: str) -> None:
    planned = plan(study(trap, {"zero": np.zeros(())}, mv.Space(shape=mv.likelihood({shape: shape})), "v"))
    (outcome,) = outcomes_of(Laplace(), planned).values()
    reason, message = TRAPS[shape]
    assert (outcome.reason, outcome.final) == (reason, True), outcome.message
    assert message in outcome.message


def test_a_mode_that_no_start_leads_to_is_missed() -> None:
    """What no gate of one engine can see; docs/how-to/use-the-laplace-engine.md says so."""
    space = mv.Space(shape=mv.likelihood({"hidden": "a hidden mode"}))
    (outcome,) = outcomes_of(Laplace(), plan(study(trap, {"zero": np.zeros(())}, space, "v"))).values()
    assert outcome.ok and outcome.diagnostics["modes"] == 1
    assert outcome.estimates["v"]["mean"] == pytest.approx(1.0, abs=0.2)  # two thirds of the factor lie around -20


def test_masked_priors_have_no_marginal_likelihood() -> None:
    def masked(data: Mapping[str, Any], *, noise: float) -> None:
        with numpyro.handlers.mask(mask=False):
            m = numpyro.sample("m", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(m, noise), obs=data["y"])

    planned = plan(study(masked, {"y": VALUES}, mv.Space(noise=mv.prior({"1": 1.0})), "m"))
    (outcome,) = outcomes_of(FEW, planned).values()
    assert outcome.ok and outcome.estimates["m"]["mean"] == pytest.approx(VALUES.mean(), abs=0.2)
    assert np.isnan(outcome.diagnostics["log_marginal"]) and np.isnan(outcome.diagnostics["log_marginal_mcse"])


def test_float32_gives_the_same_answers(normal_mean: ModuleType) -> None:
    few = plan(normal_mean.study(normal_mean.space(2, 1, 1)))
    for key, outcome in outcomes_of(Laplace(dtype="float32"), few).items():
        exact, found = normal_mean.exact(few.universes[key]), outcome.estimates["mu"]
        assert outcome.ok and outcome.draws["estimand/mu"].dtype == np.float32
        assert abs(found["mean"] - exact.mean) < WITHIN * found["mcse_mean"]


def test_a_universe_has_the_same_bits_in_any_lane_order_and_attempt(normal_mean: ModuleType) -> None:
    """More universes than a block holds, in another order of decisions and with other options beside them."""
    some = plan(normal_mean.study(normal_mean.space(3, 2, 2)))
    wider = plan(normal_mean.study(normal_mean.space(5, 2, 5, backwards=True)))
    assert len(wider) > BLOCK
    a, b = outcomes_of(FEW, some), outcomes_of(FEW, wider)
    for key, outcome in a.items():
        assert outcome.estimates == b[key].estimates or str(outcome.estimates) == str(b[key].estimates)
        for name, draws in outcome.draws.items():
            np.testing.assert_array_equal(draws, b[key].draws[name])


def test_seeds_give_other_draws(twelve: Plan) -> None:
    few = twelve.without(twelve.keys[1:])
    (a,), (b,) = (outcomes_of(replace(FEW, seed=seed), few).values() for seed in (0, 1))
    assert not np.array_equal(a.draws["estimand/mu"], b.draws["estimand/mu"])


def test_a_time_limit_stops_the_search(twelve: Plan) -> None:
    """Universes whose mode is found at once are answered; none of them is without an outcome."""
    limited = replace(twelve, wanted=replace(twelve.wanted, time_limit=1e-9))
    found = outcomes_of(replace(FEW, seed=5), limited)
    assert {outcome.reason for outcome in found.values()} <= {Reason.ok, Reason.time}
    assert Reason.time in {outcome.reason for outcome in found.values()}
    assert all("the limit is 1e-09 s" in o.message for o in found.values() if not o.ok)


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"starts": 0}, {"degrees": 0}, {"degrees": 7}])
def test_settings_that_draw_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(PlanError, match=next(iter(wrong))):
        Laplace(**wrong)


def test_a_run_is_resumed_rerun_and_verified(normal_mean: ModuleType, tmp_path: Any) -> None:
    of = normal_mean.study(normal_mean.space(3, 2, 2))
    first = mv.run(plan(of).without(plan(of).keys[5:]), store=tmp_path / "store", engine=FEW)
    assert first.status()["answered"] == 5
    whole = mv.run(of, store=tmp_path / "store", engine=FEW)
    assert whole.status()["answered"] == 12
    assert whole.rerun(plan(of).keys[0]).same
    assert whole.verify(n=5).ok


def test_an_estimand_that_comes_later_has_the_error_of_the_weights(normal_mean: ModuleType, tmp_path: Any) -> None:
    """From the resample that was kept: numbers close to those of the weights, judged as before."""
    of = normal_mean.study(normal_mean.space(2, 1, 1))
    mv.run(of, store=tmp_path / "store", engine=FEW, keep="all")
    more = replace(of, estimands={"mu": "mu", "again": lambda draws: draws["mu"]})
    rows = mv.run(more, store=tmp_path / "store", engine=FEW, keep="all").sql("select * from estimates")
    for _, pair in rows.groupby("key"):
        first, later = (pair[pair.estimand == name].iloc[0] for name in ("mu", "again"))
        assert abs(first["mean"] - later["mean"]) < later.mcse_mean
        assert first.mcse_mean * 0.8 < later.mcse_mean < first.mcse_mean * 1.5
        assert (later.ess, later.ok) == (first.ess, True) and np.isnan(later.rhat)


def test_a_later_estimand_that_fails_is_red_and_green_when_mended(normal_mean: ModuleType, tmp_path: Any) -> None:
    of = normal_mean.study(normal_mean.space(1, 1, 1), estimands={"mu": lambda draws: 0 * draws["mu"] + np.nan})
    assert mv.run(of, store=tmp_path / "store", engine=FEW, keep="all").status()["red"] == 1
    mended = replace(of, estimands={"mu": "mu"})
    assert mv.run(mended, store=tmp_path / "store", engine=FEW, keep="all").status()["green"] == 1


ROWS = np.random.default_rng(2).normal(size=(40, 4))


def regression(data: Mapping[str, Any], *, df: float, scale: float) -> None:
    """A product of a matrix and a vector: sums that compilers like to order, and not alike in all lanes."""
    slopes = numpyro.sample("slopes", dist.Normal(0, scale).expand([3]).to_event(1))
    spread = numpyro.sample("spread", dist.HalfNormal(2.0))
    with mv.rows(data):
        numpyro.sample("y", dist.StudentT(df, data["x"] @ slopes, spread), obs=data["y"])


def test_a_regression_has_the_same_bits_alone_in_threads_and_in_other_batches() -> None:
    options = mv.Space(
        dropped=mv.preprocessing({str(n): n for n in range(5)}),
        df=mv.likelihood({str(n): float(n) for n in (2, 4, 9)}),
        scale=mv.prior({str(n): float(n) for n in (1, 3)}),
    )
    of = mv.Study(
        name="regression",
        data={"x": ROWS[:, :3], "y": ROWS @ np.array([0.5, -1, 0, 1])},
        prepare=lambda raw, *, dropped: {name: values[dropped:] for name, values in raw.items()},
        model=regression,
        estimands={"spread": "spread", "first": lambda draws: draws["slopes"][:, 0]},
        space=options,
    )
    planned = mv.plan(of)
    assert len(planned.programs) == 1 and len(planned) > BLOCK
    names = ["spread", "first", "log_prior", "log_likelihood"]
    together = mv.run(planned, engine=FEW, executor=mv.Local(threads=2)).draws(names)
    few = planned.keys[1::7]
    alone = mv.run(planned.without(set(planned.keys) - set(few)), engine=FEW, executor=mv.Local(threads=1)).draws(names)
    for key in few:
        for name in names:
            np.testing.assert_array_equal(alone[name].sel(universe=key), together[name].sel(universe=key))

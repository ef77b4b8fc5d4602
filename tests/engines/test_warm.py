"""Warm NUTS: its contract, exact posteriors from a short warm-up, and where it must start cold."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from multiverse.engines.engine import Batch, Engine, make_batch
from multiverse.engines.laplace.proposal import NoProposal
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.nuts.ladder import rung_of
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.warm_nuts.engine import WarmNUTS
from multiverse.engines.warm_nuts.fit import DEGREES, Fit, columns_at, fit_batch
from multiverse.planning.build import plan
from multiverse.planning.coordinates import CENTRE, COLUMNS, SCALE, STRETCH, as_written, whitened
from multiverse.planning.plan import Plan
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.study import Study
from multiverse.testing import OneShotEngineSuite
from multiverse.testing_engines import answer

SEED = 2  # one with which the search sees both of two modes
WITHIN = 4  # Monte Carlo standard errors


def planned_of(model: Any, data: Mapping[str, Any], estimand: str, **options: float) -> Plan:
    space = Space(width=prior(options))
    return plan(Study(name="some", data=data, model=model, estimands={estimand: estimand}, space=space))


def batch_of(planned: Plan, engine: WarmNUTS) -> Batch:
    (program,) = planned.programs
    return make_batch(engine, program, sorted(planned.keys), planned.wanted, block=4)


@pytest.fixture(scope="module")
def engine(normal_mean: ModuleType) -> WarmNUTS:
    return WarmNUTS(chains=2, warmup=50, draws=100, gate=normal_mean.OPEN, ladder=())


class TestContract(OneShotEngineSuite):
    @pytest.fixture
    def engine(self, engine: WarmNUTS) -> Engine[Any]:
        return engine

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


@pytest.fixture(scope="module")
def engine_outcomes(engine: WarmNUTS, twelve: Plan) -> dict[str, Outcome]:
    return {o.key: o for _, outcomes in answer(engine, twelve) for o in outcomes}


def test_a_short_warm_up_gives_the_posterior(
    normal_mean: ModuleType, twelve: Plan, engine_outcomes: dict[str, Outcome]
) -> None:
    for key, outcome in engine_outcomes.items():
        exact, found = normal_mean.exact(twelve.universes[key]), outcome.estimates["mu"]
        assert abs(found["mean"] - exact.mean) < WITHIN * found["mcse_mean"]
        assert found["sd"] == pytest.approx(exact.sd, rel=WITHIN * 2 / np.sqrt(2 * found["ess"]))


def test_the_fit_of_a_normal_posterior_is_that_posterior(
    normal_mean: ModuleType, twelve: Plan, engine: WarmNUTS
) -> None:
    """So the coordinates are white: nothing is left for a mass matrix."""
    for key, fit in fit_batch(batch_of(twelve, engine), 0).items():
        exact = normal_mean.exact(twelve.universes[key])
        assert isinstance(fit, Fit)
        assert fit.centre == pytest.approx(exact.mean, abs=0.01 * exact.sd)
        assert np.abs(fit.columns) == pytest.approx(exact.sd, rel=1e-6)


LEVELS, ERROR = np.array([2.0, -1.0, 0.5, 1.0]), 1.0


def levels(data: Mapping[str, Any], *, width: float) -> None:
    """Levels in a plate before and after a global: the places of globals in a flat draw are 0 and 5."""
    mean = numpyro.sample("mean", dist.Normal(0, width))
    with numpyro.plate("levels", len(LEVELS)):
        level = numpyro.sample("level", dist.Normal(mean, 1.0))
    shift = numpyro.sample("shift", dist.Normal(0, 0.5))
    numpyro.sample("y", dist.Normal(level + shift, ERROR).to_event(1), obs=data["y"])


def spreads(data: Mapping[str, Any], *, width: float) -> None:
    """A hierarchy whose spread is unknown."""
    log_spread = numpyro.sample("log_spread", dist.Normal(0, width))
    with numpyro.plate("levels", len(LEVELS)):
        level = numpyro.sample("level", dist.Normal(0, jnp.exp(log_spread)))
        numpyro.sample("y", dist.Normal(level, ERROR), obs=data["y"])


@pytest.fixture(scope="module")
def hierarchy(engine: WarmNUTS) -> tuple[Plan, dict[str, Fit | NoProposal]]:
    planned = planned_of(levels, {"y": LEVELS}, "mean", wide=2.0)
    return planned, fit_batch(batch_of(planned, engine), 0)


def test_the_fit_of_a_normal_hierarchy_is_its_posterior(hierarchy: tuple[Plan, dict[str, Fit | NoProposal]]) -> None:
    planned, fits = hierarchy
    (fit,) = fits.values()
    assert isinstance(fit, Fit)
    at = columns_at(planned.programs[0])
    assert at == (0, 5)
    ones = np.ones(4)
    # The precision of (mean, levels, shift), and where its log joint has no slope.
    precision = np.zeros((6, 6))
    precision[0, 0] = 1 / 4 + 4
    precision[0, 1:5] = precision[1:5, 0] = -ones
    precision[1:5, 1:5] = 2 * np.eye(4)
    precision[1:5, 5] = precision[5, 1:5] = ones
    precision[5, 5] = 4 + 4
    np.testing.assert_allclose(fit.centre, np.linalg.solve(precision, [0, *LEVELS, LEVELS.sum()]), atol=0.01)
    root = np.diag(fit.scale)
    root[:, at] += fit.columns
    np.testing.assert_allclose(root @ root.T, np.linalg.inv(precision), atol=1e-4)
    np.testing.assert_allclose(fit.stretch, 0, atol=1e-6)


@pytest.mark.parametrize(("model", "at"), [(spreads, (0,)), (levels, (0, 5)), (levels, tuple(range(6)))])
def test_whitened_coordinates_have_the_same_posterior(model: Any, at: tuple[int, ...]) -> None:
    """The densities differ by the log of the determinant of the map, taken by brute force."""
    planned = planned_of(model, {"y": LEVELS}, "log_spread" if model is spreads else "mean", wide=2.0)
    (program,) = planned.programs
    random = np.random.default_rng(0)
    size = program.sites.dimension
    local = np.ones(size) if len(at) < size else np.zeros(size)
    local[list(at)] = 0
    leaves = {path: leaf[0] for path, leaf in program.gather(planned.keys[:1], "float64").items()}
    leaves |= {CENTRE: random.normal(size=size), SCALE: local * random.uniform(0.5, 2, size)}
    leaves |= {
        COLUMNS: random.normal(size=(size, len(at))),
        STRETCH: local[:, None] * random.normal(size=(size, len(at))),
    }
    white, own = whitened(as_written(program), at, DEGREES), as_written(program)
    with jax.enable_x64(True):

        @jax.jit
        def both(w: Any) -> Any:
            bare = {path: leaf for path, leaf in leaves.items() if not path.startswith("whitened")}
            slope = jax.jacfwd(lambda w: white.own(leaves, w))(w)
            return white.potential(leaves, w), own.potential(bare, white.own(leaves, w)), slope

        different = []
        for w in random.normal(size=(3, size)):
            new, old, slope = (np.asarray(a) for a in both(w))
            different.append(new - old + np.linalg.slogdet(slope)[1])
    np.testing.assert_allclose(different, different[0], rtol=1e-9)


def test_chains_start_wider_than_the_fit(twelve: Plan) -> None:
    white = whitened(as_written(twelve.programs[0]), (0,), DEGREES)
    assert white.random is not None
    w = np.asarray(jax.vmap(lambda key: white.random({}, key))(jax.random.split(jax.random.key(0), 20_000)))  # type: ignore[misc]
    variance = DEGREES / (DEGREES - 2)
    fourth = 3 * variance**2 * (DEGREES - 2) / (DEGREES - 4)
    assert abs(np.square(w).mean() - variance) < WITHIN * np.sqrt((fourth - variance**2) / w.size)


def two_modes(data: Mapping[str, Any], *, width: float) -> None:
    x = numpyro.sample("x", dist.Normal(0, 10))
    numpyro.factor("modes", jnp.logaddexp(-((x - width) ** 2), -((x + width) ** 2)) * data["sharp"])


def funnel(data: Mapping[str, Any], *, width: float) -> None:
    """Neal's: no mode, the log joint grows without end where the spread shrinks."""
    v = numpyro.sample("v", dist.Normal(0, width))
    numpyro.sample("x", dist.Normal(0, jnp.exp(v / 2)).expand([9]).to_event(1))


@pytest.mark.parametrize(
    ("model", "data", "why"),
    [
        (two_modes, {"sharp": np.array(20.0)}, {Reason.modes}),
        (funnel, {"none": np.zeros(())}, {Reason.curvature, Reason.mode}),
    ],
)
def test_where_a_fit_is_of_no_use_the_next_attempt_starts_cold(
    model: Any, data: Mapping[str, Any], why: set[Reason]
) -> None:
    name = "x" if model is two_modes else "v"
    planned = planned_of(model, data, name, wide=1.0 if model is two_modes else 3.0)
    engine = WarmNUTS(chains=2, seed=SEED)
    (batch,) = engine.ask(engine.init(planned))
    (outcome,) = engine.fit(batch, {})
    assert (outcome.reason in why, outcome.final, outcome.draws) == (True, False, {})
    assert outcome.message
    (again,) = engine.ask(engine.tell(engine.init(planned), batch, (outcome,)))
    rung = rung_of(engine.ladder, again.attempt)
    assert rung is not None and rung.name == "cold"
    cold = engine._on(rung)
    assert (cold.warmup, cold.target_accept) == (engine.cold_warmup, engine.target_accept)
    assert cold._coordinates(batch.program, rung).name == NUTS()._coordinates(batch.program, None).name


def test_it_costs_less_than_nuts_where_a_universe_is_dear(twelve: Plan) -> None:
    (program,) = twelve.programs
    warm, cold = WarmNUTS().price(program, 1e-3), NUTS().price(program, 1e-3)
    assert warm is not None and cold is not None
    assert warm.universe < cold.universe and warm.compile > cold.compile

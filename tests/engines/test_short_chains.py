"""Many short chains: exact posteriors from bad approximations, and red where they may not be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.short_chains.begin import COLUMNS_MAX, Approximation, Begin, begin, tempered
from multiverse.engines.short_chains.gate import SOURCES, ShortChainsGate
from multiverse.engines.short_chains.sample import sample_from
from multiverse.engines.short_chains.settings import ShortChains
from multiverse.engines.weighing.weighted import importance_ess
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.planning.density import potential
from multiverse.planning.machines import Machines
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.study import Study

WITHIN = 4  # Monte Carlo standard errors
QUICK = ShortChains()
ONE = 400  # draws of an approximation
GREEN = {"nested_rhat_max": 1.0, "rhat_max": 1.0, "divergences": 0.0, "ebfmi_min": 1.0} | dict.fromkeys(
    ("ess_bulk_min", "ess_tail_min"), 1e4
)


def planned_of(model: Any, estimand: str = "x", **options: float) -> Plan:
    space = Space(width=prior(options or {"one": 1.0}))
    return plan(Study("some", data={"y": np.zeros(1)}, model=model, estimands={estimand: estimand}, space=space))


def batch_of(planned: Plan, *, block: int = 1, **changes: Any) -> Batch:
    (program,) = planned.programs
    return Batch("b", program, tuple(sorted(program.members)), planned.wanted, block=block, **changes)


def normal_draws(centre: Any, sd: Any, size: int, *, seed: int = 0, count: int = ONE) -> tuple[Floats, Floats]:
    """Independent normal draws (count, size), and their log density up to a constant."""
    white = np.random.default_rng(seed).normal(size=(count, size))
    return centre + sd * white, -np.square(white).sum(axis=1) / 2


def weighed(program: Program, key: str, z: Floats, log_density: Floats) -> Approximation:
    """Draws with the weights that the program's own density gives them."""
    leaves = {path: leaf[0] for path, leaf in program.gather([key], "float64").items()}
    with jax.enable_x64(True):
        minus = jax.jit(jax.vmap(lambda at: potential(program.signature, program.sites)(leaves, at)))(z)
    return Approximation(z, -np.asarray(minus) - log_density)


@pytest.fixture(scope="module")
def twelve(normal_mean: ModuleType) -> Plan:
    return plan(normal_mean.study(normal_mean.space(2, 2, 3)))


@pytest.fixture(scope="module")
def begin_narrow(normal_mean: ModuleType, twelve: Plan) -> dict[str, Approximation]:
    return {key: off_by(normal_mean.exact(twelve.universes[key]), 0.0, 0.3) for key in twelve.keys}


def off_by(exact: Any, shift: float, wide: float) -> Approximation:
    """Draws around a normal posterior, shifted and stretched by so many of its standard deviations."""
    u, log_density = normal_draws(shift, wide, 1)
    return Approximation(exact.mean + exact.sd * u, -np.square(u[:, 0]) / 2 - log_density)


@pytest.fixture(scope="module")
def answers(twelve: Plan, begin_narrow: dict[str, Approximation]) -> dict[str, Outcome]:
    return sample_from(batch_of(twelve), begin_narrow, QUICK, 0)


@pytest.mark.parametrize(("shift", "wide"), [(0.0, 1.0), (0.0, 0.3), (3.0, 0.5), (0.0, 6.0)])
def test_the_posterior_comes_out_whatever_was_wrong_with_the_draws(
    normal_mean: ModuleType, twelve: Plan, shift: float, wide: float
) -> None:
    exact = {key: normal_mean.exact(twelve.universes[key]) for key in twelve.keys}
    draws = {key: off_by(at, shift, wide) for key, at in exact.items()}
    for key, outcome in sample_from(batch_of(twelve), draws, QUICK, 0).items():
        found = outcome.estimates["mu"]
        assert outcome.ok, outcome.message
        assert abs(found["mean"] - exact[key].mean) < WITHIN * found["mcse_mean"]
        assert found["sd"] == pytest.approx(exact[key].sd, rel=WITHIN / np.sqrt(found["ess_tail"]))


def test_an_outcome_has_all_draws_and_diagnostics(answers: dict[str, Outcome]) -> None:
    for outcome in answers.values():
        assert outcome.draws["estimand/mu"].shape == (16, QUICK.draws)
        assert outcome.diagnostics["nested_rhat_max"] <= 1.02
        assert "nested_rhat_local_max" not in outcome.diagnostics
        assert outcome.final and outcome.seconds > 0


def test_a_universe_has_the_same_draws_in_any_company(
    twelve: Plan, begin_narrow: dict[str, Approximation], answers: dict[str, Outcome]
) -> None:
    some = sorted(twelve.keys)[5:2:-1]
    found = sample_from(replace(batch_of(twelve), keys=tuple(some)), begin_narrow, QUICK, 0)
    assert list(found) == some
    for key in some:
        np.testing.assert_array_equal(found[key].draws["estimand/mu"], answers[key].draws["estimand/mu"])


def test_other_seeds_and_attempts_have_other_draws(
    twelve: Plan, begin_narrow: dict[str, Approximation], answers: dict[str, Outcome]
) -> None:
    key = min(twelve.keys)
    batch = replace(batch_of(twelve), keys=(key,))
    for other in (sample_from(batch, begin_narrow, QUICK, 1), sample_from(replace(batch, attempt=2), begin_narrow, QUICK, 0)):
        assert not np.array_equal(other[key].draws["estimand/mu"], answers[key].draws["estimand/mu"])


def test_what_can_be_begun_is_answered_beside_what_cannot(
    twelve: Plan, begin_narrow: dict[str, Approximation], answers: dict[str, Outcome]
) -> None:
    first, second = sorted(twelve.keys)[:2]
    nothing = Approximation(begin_narrow[first].z, np.full(ONE, -np.inf))
    batch = replace(batch_of(twelve), keys=(first, second))
    found = sample_from(batch, {**begin_narrow, first: nothing}, QUICK, 0)
    assert found[first].reason is Reason.khat and not found[first].draws
    assert found[first].message.startswith("0 of 400 draws")
    np.testing.assert_array_equal(found[second].draws["estimand/mu"], answers[second].draws["estimand/mu"])


def test_too_slow_universes_are_red_without_draws(twelve: Plan, begin_narrow: dict[str, Approximation]) -> None:
    key = min(twelve.keys)
    batch = replace(batch_of(twelve), keys=(key,), wanted=replace(twelve.wanted, time_limit=0.0))
    assert sample_from(batch, begin_narrow, QUICK, 0)[key].reason is Reason.time


def test_too_few_draws_are_red_for_their_ess(twelve: Plan, begin_narrow: dict[str, Approximation]) -> None:
    """A gate only judges: the program is not compiled again."""
    key = min(twelve.keys)
    strict = replace(QUICK, gate=ShortChainsGate(pooled_ess_min=1e5))
    found = sample_from(replace(batch_of(twelve), keys=(key,)), begin_narrow, strict, 0)[key]
    assert found.reason is Reason.ess
    assert "bulk ESS of all chains" in found.message and "tail ESS" in found.message


def two_hills(data: Mapping[str, Any], *, width: float) -> None:
    """Modes at -6 and 6, each of standard deviation `width`, between which no chain moves."""
    x = numpyro.sample("x", dist.Normal(0, 100))
    numpyro.factor("hills", jnp.logaddexp(-0.5 * ((x - 6) / width) ** 2, -0.5 * ((x + 6) / width) ** 2))
    numpyro.sample("y", dist.Normal(0, 1), obs=data["y"])


def on_hills(share: float) -> Approximation:
    """Draws of which that share is on the hill at 6."""
    random = np.random.default_rng(1)
    signs = np.where(random.uniform(size=ONE) < share, 1.0, -1.0)
    return Approximation((6 * signs + random.normal(size=ONE))[:, None], np.zeros(ONE))


@pytest.fixture(scope="module")
def hills() -> Batch:
    return batch_of(planned_of(two_hills))


def test_superchains_in_two_modes_are_red(hills: Batch) -> None:
    (found,) = sample_from(hills, dict.fromkeys(hills.keys, on_hills(0.5)), QUICK, 0).values()
    assert found.reason is Reason.modes
    assert "4 superchains stay in 2 places" in found.message and "nested R-hat of 'x'" in found.message
    assert found.diagnostics["nested_rhat_max"] > 2


def test_a_mode_that_the_approximation_misses_is_not_seen(hills: Batch) -> None:
    """The honest limit, in the module's docstring: it is for audits."""
    (found,) = sample_from(hills, dict.fromkeys(hills.keys, on_hills(1.0)), QUICK, 0).values()
    assert found.ok
    assert found.estimates["x"]["mean"] == pytest.approx(6, abs=1)


def test_chains_that_could_not_warm_up_are_red(hills: Batch) -> None:
    """Two transitions find no step size: draws that begin a hundred widths away have not arrived."""
    z = np.random.default_rng(2).normal(200, 1e-3, (ONE, 1))
    unwarmed = replace(QUICK, warmup=1, draws=4)
    (found,) = sample_from(hills, dict.fromkeys(hills.keys, Approximation(z, np.zeros(ONE))), unwarmed, 0).values()
    assert not found.ok


def stretched(dimension: int) -> Approximation:
    """Correlated draws of a normal with known moments, all of one weight."""
    random = np.random.default_rng(3)
    z = random.normal(size=(4000, dimension)) @ np.triu(np.ones((dimension, dimension))) * np.arange(1, dimension + 1)
    return Approximation(z + 7, np.zeros(len(z)))


def test_coordinates_are_those_in_which_the_draws_are_white() -> None:
    near = stretched(3)
    at = begin(near, 5, np.random.default_rng(0))
    assert isinstance(at, Begin) and at.power == 1
    white = np.linalg.solve(at.columns, (near.z - at.centre).T)
    np.testing.assert_allclose(np.cov(white), np.eye(3), atol=0.01)  # all but the shrinkage by 3 in 4,000
    back = at.centre + at.starts @ at.columns.T
    assert all((np.abs(near.z - start).max(axis=1) < 1e-9).sum() == 1 for start in back)
    assert len(np.unique(back, axis=0)) == 5


def test_of_many_numbers_spreads_alone_are_known() -> None:
    z = np.random.default_rng(4).normal(3, 2, (200, COLUMNS_MAX + 1))
    at = begin(Approximation(z, np.zeros(200)), 2, np.random.default_rng(0))
    assert isinstance(at, Begin)
    spread = at.scale + at.columns[:, 0]
    np.testing.assert_allclose(spread, z.std(axis=0), rtol=1e-9)
    assert (at.columns[1:] == 0).all() and at.scale[0] == 0
    back = at.centre + at.starts * spread
    assert all((np.abs(z - start).max(axis=1) < 1e-9).sum() == 1 for start in back)


@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0, 1000.0])
def test_weights_are_tempered_only_as_far_as_they_must(spread: float) -> None:
    log_weights = np.random.default_rng(5).normal(0, spread, 1000)
    weights, power = tempered(log_weights, 100)
    ess = importance_ess(weights[None])[0]
    assert ess >= 100
    assert power == 1 or ess == pytest.approx(100, rel=0.01)
    assert (power == 1) == (spread <= 1)
    assert weights[log_weights.argmax()] == weights.max()


def test_starts_follow_the_weights_and_differ() -> None:
    z = np.repeat(np.arange(40.0), 10)[:, None]  # ten draws of each value: a resample
    log_weights = np.where(z[:, 0] >= 20, 0.0, -1e6)
    at = begin(Approximation(z, log_weights), 8, np.random.default_rng(6))
    assert isinstance(at, Begin)
    found = at.centre + at.starts @ at.columns.T
    assert len(np.unique(found.round(6))) == 8
    assert found.min() > 19.5


def test_fewer_different_draws_than_superchains_cannot_begin() -> None:
    z = np.repeat([0.0, 1.0, np.nan], 50)[:, None]
    found = begin(Approximation(z, np.zeros(150)), 3, np.random.default_rng(0))
    assert isinstance(found, Failure) and found.reason is Reason.khat
    assert "2 of 150 draws" in found.message


def test_a_number_that_all_draws_share_can_be_begun_from() -> None:
    z = np.stack([np.random.default_rng(7).normal(size=100), np.full(100, 3.0)], axis=1)
    at = begin(Approximation(z, np.zeros(100)), 2, np.random.default_rng(0))
    assert isinstance(at, Begin)
    assert np.isfinite(at.columns).all() and at.columns[1, 1] == 1


@pytest.mark.parametrize(
    ("diagnostic", "value", "reason"),
    [
        ("nested_rhat_max", 1.02, Reason.rhat),
        ("nested_rhat_local_max", 1.06, Reason.rhat),
        ("rhat_max", 1.11, Reason.rhat),
        ("divergences", 1.0, Reason.divergences),
        ("ebfmi_min", 0.2, Reason.ebfmi),
        ("ess_bulk_min", 399.0, Reason.ess),
        ("ess_tail_min", 399.0, Reason.ess),
    ],
)
def test_each_bound_of_the_gate_is_looked_at(diagnostic: str, value: float, reason: Reason) -> None:
    def judged(**changed: float) -> Any:
        return ShortChainsGate().judge(GREEN | changed, chains=4, draws=100, worst={diagnostic: "mu"})

    assert judged().reason is Reason.ok
    found = judged(**{diagnostic: value})
    assert found.reason is reason and "'mu'" in found.message
    assert judged(**{diagnostic: np.nan}).reason is reason


def test_what_was_not_measured_does_not_pass() -> None:
    for name in GREEN:
        with pytest.raises(KeyError, match=name):
            ShortChainsGate().judge({k: v for k, v in GREEN.items() if k != name}, chains=4, draws=100)


def test_the_bound_allows_for_the_noise_of_independent_draws() -> None:
    gate = ShortChainsGate()
    assert gate.nested_bound(1.0, chains=8, draws=1) == pytest.approx(np.sqrt(1 + 1 / 8))  # the case of the paper
    assert gate.nested_bound(1.01, chains=10**6, draws=10**6) == pytest.approx(1.01)


def test_every_bound_has_a_source() -> None:
    assert set(SOURCES) == {field.name for field in fields(ShortChainsGate)}


def test_bounds_and_settings_that_nothing_can_keep_are_refused_together() -> None:
    with pytest.raises(PlanError, match=r"nested_rhat_max=0\.9"):
        ShortChainsGate(nested_rhat_max=0.9)
    with pytest.raises(PlanError) as refused:
        ShortChains(superchains=1, chains=0, warmup=0, draws=2, target_accept=1.0)
    assert all(name in str(refused.value) for name in ("superchains=1", "chains=0", "warmup=0", "draws=2", "accept=1.0"))


def test_a_block_has_as_many_lanes_as_one_of_nuts() -> None:
    machines = Machines()
    assert ShortChains().block(machines) == 1
    assert ShortChains(superchains=2, chains=2).block(machines) == 4

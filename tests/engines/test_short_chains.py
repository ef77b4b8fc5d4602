"""Many short chains: exact posteriors from bad approximations, and red where they may not be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

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
from multiverse.planning.machines import Machines
from multiverse.planning.plan import Plan
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.study import Study

WITHIN = 4  # Monte Carlo standard errors
QUICK = ShortChains()
ONE = 400  # draws of an approximation
GREEN = {"nested_rhat_max": 1.0, "rhat_max": 1.0, "divergences": 0.0, "ebfmi_min": 1.0} | dict.fromkeys(
    ("ess_bulk_min", "ess_tail_min"), 1e4
)


GAPS = {"none": 0.0, "wide": 6.0}
WIDTHS = {"one": 1.0, "three": 3.0, "needle": 1e-6}
PRIOR = 100.0


def hills(data: Mapping[str, Any], *, gap: float, width: float) -> None:
    """Modes at -gap and gap, each of that width; without a gap a normal posterior."""
    x = numpyro.sample("x", dist.Normal(0, PRIOR))
    ends = [-jnp.square((x - at) / width) / 2 for at in (-gap, gap)]
    numpyro.factor("hills", jnp.logaddexp(*ends))
    numpyro.sample("y", dist.Normal(0, 1), obs=data["y"])


@pytest.fixture(scope="module")
def planned() -> Plan:
    """Six universes of one program, compiled once for most tests of this file."""
    space = Space(gap=prior(GAPS), width=prior(WIDTHS))
    return plan(Study("hills", data={"y": np.zeros(1)}, model=hills, estimands={"x": "x"}, space=space))


def key_of(planned: Plan, gap: str, width: str) -> str:
    (key,) = (key for key in planned.keys if dict(planned.universes[key]) == {"gap": gap, "width": width})
    return key


def batch_of(planned: Plan, *keys: str) -> Batch:
    (program,) = planned.programs
    return Batch("b", program, keys, planned.wanted)


def exact_sd(width: str) -> float:
    """Of the posterior without a gap: precisions add."""
    return float((PRIOR**-2 + WIDTHS[width] ** -2) ** -0.5)


def off_by(sd: float, shift: float, wide: float) -> Approximation:
    """Weighted draws around a normal posterior at 0, shifted and stretched by so many of its standard deviations."""
    white = np.random.default_rng(0).normal(size=(ONE, 1))
    u = shift + wide * white
    return Approximation(sd * u, (np.square(white) - np.square(u))[:, 0] / 2)


@pytest.fixture(scope="module")
def normal(planned: Plan) -> tuple[Batch, dict[str, Approximation], dict[str, Outcome]]:
    """Two universes, narrow approximations of them, and their answers."""
    keys = {key_of(planned, "none", width): exact_sd(width) for width in ("one", "three")}
    batch, draws = batch_of(planned, *keys), {key: off_by(sd, 0.0, 0.3) for key, sd in keys.items()}
    return batch, draws, sample_from(batch, draws, QUICK, 0)


@pytest.mark.parametrize(("shift", "wide"), [(0.0, 1.0), (0.0, 0.3), (3.0, 0.5), (0.0, 6.0)])
def test_the_posterior_comes_out_whatever_was_wrong_with_the_draws(planned: Plan, shift: float, wide: float) -> None:
    for width in ("one", "three"):
        key, sd = key_of(planned, "none", width), exact_sd(width)
        found = sample_from(batch_of(planned, key), {key: off_by(sd, shift, wide)}, QUICK, 0)[key]
        estimate = found.estimates["x"]
        assert found.ok, found.message
        assert abs(estimate["mean"]) < WITHIN * estimate["mcse_mean"]
        # A normal's sd has a relative error of 1 / root of 2 n, of n effective draws of the squares.
        assert estimate["sd"] == pytest.approx(sd, rel=WITHIN / np.sqrt(2 * estimate["ess_tail"]))


def test_an_outcome_has_all_draws_and_diagnostics(
    normal: tuple[Batch, dict[str, Approximation], dict[str, Outcome]],
) -> None:
    batch, _, answers = normal
    assert list(answers) == list(batch.keys)
    for outcome in answers.values():
        assert outcome.draws["estimand/x"].shape == (16, QUICK.draws)
        assert outcome.diagnostics["nested_rhat_max"] >= 1
        assert 0 < outcome.diagnostics["start_power"] < 1
        assert "nested_rhat_local_max" not in outcome.diagnostics
        assert outcome.final and outcome.seconds > 0


def test_a_universe_has_the_same_draws_in_any_company(
    normal: tuple[Batch, dict[str, Approximation], dict[str, Outcome]],
) -> None:
    batch, draws, answers = normal
    for key in batch.keys:
        found = sample_from(replace(batch, keys=(key,)), draws, QUICK, 0)
        np.testing.assert_array_equal(found[key].draws["estimand/x"], answers[key].draws["estimand/x"])


def test_other_seeds_and_attempts_have_other_draws(
    normal: tuple[Batch, dict[str, Approximation], dict[str, Outcome]],
) -> None:
    batch, draws, answers = normal
    for other, seed in ((batch, 1), (replace(batch, attempt=2), 0)):
        for key, outcome in sample_from(other, draws, QUICK, seed).items():
            assert not np.array_equal(outcome.draws["estimand/x"], answers[key].draws["estimand/x"])


def test_what_can_be_begun_is_answered_beside_what_cannot(
    normal: tuple[Batch, dict[str, Approximation], dict[str, Outcome]],
) -> None:
    batch, draws, answers = normal
    first, second = batch.keys
    nothing = Approximation(draws[first].z, np.full(ONE, -np.inf))
    found = sample_from(batch, {**draws, first: nothing}, QUICK, 0)
    assert found[first].reason is Reason.khat and not found[first].draws
    assert found[first].message.startswith("0 of 400 draws")
    np.testing.assert_array_equal(found[second].draws["estimand/x"], answers[second].draws["estimand/x"])


def test_too_slow_universes_are_red_without_draws(
    normal: tuple[Batch, dict[str, Approximation], dict[str, Outcome]],
) -> None:
    batch, draws, _ = normal
    found = sample_from(replace(batch, wanted=replace(batch.wanted, time_limit=0.0)), draws, QUICK, 0)
    assert {(outcome.reason, len(outcome.draws)) for outcome in found.values()} == {(Reason.time, 0)}


def test_too_few_draws_are_red_for_their_ess(
    normal: tuple[Batch, dict[str, Approximation], dict[str, Outcome]],
) -> None:
    """A gate only judges: nothing is compiled again."""
    batch, draws, _ = normal
    strict = replace(QUICK, gate=ShortChainsGate(pooled_ess_min=1e5))
    for outcome in sample_from(batch, draws, strict, 0).values():
        assert outcome.reason is Reason.ess
        assert "bulk ESS of all chains" in outcome.message and "tail ESS" in outcome.message


def on_hills(share: float) -> Approximation:
    """Draws of which that share is on the hill at 6."""
    random = np.random.default_rng(1)
    signs = np.where(random.uniform(size=ONE) < share, 1.0, -1.0)
    return Approximation((GAPS["wide"] * signs + random.normal(size=ONE))[:, None], np.zeros(ONE))


def test_superchains_in_two_modes_are_red(planned: Plan) -> None:
    key = key_of(planned, "wide", "one")
    found = sample_from(batch_of(planned, key), {key: on_hills(0.5)}, QUICK, 0)[key]
    assert found.reason is Reason.modes
    assert "4 superchains stay in 2 places" in found.message and "nested R-hat of 'x'" in found.message
    assert found.diagnostics["nested_rhat_max"] > 1.5


def test_a_mode_that_the_approximation_misses_is_not_seen(planned: Plan) -> None:
    """The honest limit that the docstring names: audits are for this."""
    key = key_of(planned, "wide", "one")
    found = sample_from(batch_of(planned, key), {key: on_hills(1.0)}, QUICK, 0)[key]
    assert found.ok, found.message
    assert found.estimates["x"]["mean"] == pytest.approx(GAPS["wide"], abs=0.5)


def test_what_cannot_warm_up_is_red(planned: Plan) -> None:
    """The posterior is a needle, a millionth as wide as the draws that chains begin from."""
    key = key_of(planned, "none", "needle")
    found = sample_from(batch_of(planned, key), {key: off_by(1.0, 0.0, 1.0)}, QUICK, 0)[key]
    assert found.reason is Reason.rhat
    assert "nested R-hat of 'x'" in found.message and "the number of divergences" in found.message


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
    assert all(
        name in str(refused.value) for name in ("superchains=1", "chains=0", "warmup=0", "draws=2", "accept=1.0")
    )


def test_a_block_has_as_many_lanes_as_one_of_nuts() -> None:
    machines = Machines()
    assert ShortChains().block(machines) == 1
    assert ShortChains(superchains=2, chains=2).block(machines) == 4

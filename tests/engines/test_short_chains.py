"""Many short chains: exact posteriors from bad approximations, and red where they may not be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.short_chains.begin import Approximation
from multiverse.engines.short_chains.gate import ShortChainsGate
from multiverse.engines.short_chains.sample import sample_from
from multiverse.engines.short_chains.settings import ShortChains
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.study import Study

WITHIN = 4  # Monte Carlo standard errors
QUICK = ShortChains()
ONE = 400  # draws of an approximation

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

"""Nested R-hat: against the slow obvious way, closed forms, and what it must and must not see."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtri
from scipy.stats import rankdata

from multiverse.engines.diagnostics import Floats
from multiverse.engines.nested_rhat import nested_rank_rhat, nested_rhat

SHAPES = st.tuples(st.integers(2, 4), st.integers(1, 3), st.integers(2, 5))
DRAWS = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=st.integers(-9, 9).map(float)))


def slow(draws: Floats) -> float:
    """Equations 4 to 8 of Margossian et al. 2024 for one scalar, draw by draw: (superchain, chain, draw)."""
    superchain_means, within = [], []
    for superchain in draws.tolist():
        means = [statistics.fmean(chain) for chain in superchain]
        superchain_means.append(statistics.fmean(means))
        between_chains = statistics.variance(means) if len(means) > 1 else 0.0
        within_chains = statistics.fmean(statistics.variance(c) for c in superchain) if len(superchain[0]) > 1 else 0.0
        within.append(between_chains + within_chains)
    inside = statistics.fmean(within)
    between = statistics.variance(superchain_means)
    return math.sqrt(1 + between / inside) if inside > 0 else math.inf


@given(DRAWS)
def test_it_is_the_slow_way(draws: Floats) -> None:
    found = float(nested_rhat(draws[None])[0])
    if np.ptp(draws) == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(slow(draws), rel=1e-9)


@given(DRAWS)
def test_of_ranks_it_is_the_slow_way_of_normal_scores(draws: Floats) -> None:
    def scores(x: Floats) -> Floats:
        scored: Floats = ndtri((rankdata(x) - 3 / 8) / (x.size + 1 / 4)).reshape(x.shape)
        return scored

    each = [x for x in (draws, np.abs(draws - np.median(draws))) if np.ptp(x) > 0]
    expected = max((slow(scores(x)) for x in each), default=math.nan)
    assert float(nested_rank_rhat(draws[None])[0]) == pytest.approx(expected, rel=1e-9, nan_ok=True)


@given(DRAWS, st.integers(1, 5), st.integers(-5, 5))
def test_location_scale_and_order_of_chains_do_not_matter(draws: Floats, scale: int, shift: int) -> None:
    changed = (draws * scale + shift)[None, ::-1, ::-1]
    for rule in (nested_rhat, nested_rank_rhat):
        np.testing.assert_allclose(rule(changed), rule(draws[None]), rtol=1e-9)


def test_superchains_of_one_draw_a_chain_that_agree_have_the_limit_of_the_paper() -> None:
    """One independent draw a chain: the variance between means of M draws is 1 / M of that within, in the mean."""
    n, superchains, chains = 400, 50, 8
    found = nested_rhat(np.random.default_rng(0).normal(size=(n, superchains, chains, 1)))
    ratios = np.square(found) - 1
    assert abs(ratios.mean() - 1 / chains) < 4 * ratios.std() / np.sqrt(n)


def test_superchains_that_stand_apart_have_the_ratio_of_the_variances() -> None:
    """Means -a and a, chains without spread of their means, draws -1 and 1: 2 a^2 between, 2 within."""
    a = 3.0
    draws = np.array([[[-1.0, 1.0]] * 2, [[-1.0, 1.0]] * 2]) + np.array([-a, a])[:, None, None]
    assert nested_rhat(draws[None])[0] == pytest.approx(math.sqrt(1 + 2 * a**2 / 2))


def test_long_chains_that_agree_go_to_one_and_short_ones_are_not_blamed() -> None:
    random = np.random.default_rng(1)
    assert nested_rank_rhat(random.normal(size=(5, 4, 4, 5000))).max() < 1.001
    assert nested_rank_rhat(random.normal(size=(5, 4, 512, 4))).max() < 1.01


def test_ranks_see_superchains_that_differ_in_spread_and_stand_draws_without_variance() -> None:
    random = np.random.default_rng(2)
    spread = random.normal(size=(1, 4, 4, 500)) * np.array([1, 1, 1, 4.0])[:, None, None]
    assert nested_rank_rhat(spread)[0] > 1.1 > nested_rhat(spread)[0]
    assert nested_rank_rhat(random.standard_cauchy((20, 4, 4, 500))).max() < 1.01


def test_chains_that_drift_together_are_not_seen() -> None:
    """What the docstring says it cannot do: the gate looks at split R-hat beside."""
    drift = np.linspace(0, 5, 100) + np.random.default_rng(3).normal(size=(1, 4, 4, 100))
    assert nested_rank_rhat(drift)[0] < 1.01


@pytest.mark.parametrize(
    "draws",
    [
        np.ones((1, 2, 2, 5)),
        np.zeros((1, 1, 4, 5)) + np.arange(5),
        np.arange(2.0).reshape(1, 2, 1, 1),
        np.where(np.arange(20).reshape(1, 2, 2, 5) == 7, np.inf, 1.0 * np.arange(20).reshape(1, 2, 2, 5)),
        np.where(np.arange(20).reshape(1, 2, 2, 5) == 7, np.nan, 1.0 * np.arange(20).reshape(1, 2, 2, 5)),
    ],
    ids=["all equal", "one superchain", "one draw each", "infinite", "not a number"],
)
def test_what_cannot_be_told_is_nan(draws: Floats) -> None:
    assert np.isnan(nested_rhat(draws)[0])
    assert np.isnan(nested_rank_rhat(draws)[0])


def test_one_scalar_does_not_spoil_others_and_none_give_none() -> None:
    draws = np.random.default_rng(4).normal(size=(3, 4, 2, 10))
    spoilt = draws.copy()
    spoilt[1, 0, 0, 0] = np.nan
    for rule in (nested_rhat, nested_rank_rhat):
        np.testing.assert_array_equal(rule(spoilt)[[0, 2]], rule(draws)[[0, 2]])
        assert rule(draws[:0]).shape == (0,)


def test_draws_need_four_axes() -> None:
    for rule in (nested_rhat, nested_rank_rhat):
        with pytest.raises(ValueError, match=r"\(2, 3, 4\).*superchain"):
            rule(np.zeros((2, 3, 4)))

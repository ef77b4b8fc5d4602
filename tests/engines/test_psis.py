"""Pareto smoothing: ArviZ is the oracle, on thousands of random inputs and on the edges."""

from __future__ import annotations

from typing import Any

import arviz as az
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import normalised

DRAWS = (1, 2, 5, 17, 25, 26, 100, 399, 1000)
TAILS = (0.1, 0.5, 1.0, 3.0, 20.0)


def oracle(log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log weights and k-hat as ArviZ has them, row by row."""
    with np.errstate(all="ignore"):
        found = [az.psislw(row.copy(), normalize=False) for row in log_weights]
    return np.array([f[0] for f in found]), np.array([float(f[1]) for f in found])


def same(log_weights: np.ndarray) -> None:
    found, (weights, khat) = smooth(log_weights), oracle(log_weights)
    np.testing.assert_allclose(found.khat, khat, rtol=1e-7, atol=1e-9)
    # which of equal weights gets which smoothed value is up to the sort
    np.testing.assert_allclose(np.sort(found.log_weights), np.sort(weights), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("draws", [d for d in DRAWS if d >= 5])
def test_it_is_what_arviz_says(draws: int) -> None:
    rng = np.random.default_rng(draws)
    for tail in TAILS:
        same(rng.normal(size=(60, draws)) * tail + rng.normal(size=(60, 1)) * 300)
        same(rng.standard_t(1, size=(20, draws)) * tail)


@given(st.integers(0, 2**32 - 1), st.sampled_from([20, 60, 200]), st.integers(2, 30))
@settings(max_examples=40, deadline=None)
def test_ties_are_as_arviz_has_them(seed: int, draws: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    same(np.log(rng.integers(1, values, size=(5, draws))) * rng.choice([0.1, 1.0, 5.0]))


def test_weights_of_zero_are_as_arviz_has_them() -> None:
    rng = np.random.default_rng(3)
    log_weights = rng.normal(size=(200, 100))
    log_weights[rng.random(log_weights.shape) < rng.random((200, 1))] = -np.inf
    same(log_weights[np.isfinite(log_weights).any(axis=1)])


@pytest.mark.parametrize(
    ("log_weights", "khat"),
    [
        (np.zeros(100), np.inf),  # constant: no tail stands out
        ([0.0], np.inf),
        (np.r_[np.zeros(97), 1.0, 2.0, 3.0], np.inf),  # three draws tell no shape
        (np.full(50, -np.inf), np.nan),
        (np.r_[np.zeros(50), np.inf], np.inf),
        (np.r_[np.zeros(50), np.nan], np.nan),
        (np.r_[np.zeros(99), -np.inf], np.inf),
    ],
)
def test_what_has_no_tail_comes_back_as_it_was(log_weights: Any, khat: float) -> None:
    found = smooth(np.atleast_2d(log_weights))
    np.testing.assert_array_equal(found.khat, [khat])
    np.testing.assert_array_equal(found.log_weights[0], log_weights)


def test_a_universe_is_smoothed_alike_in_any_company() -> None:
    rng = np.random.default_rng(5)
    log_weights = rng.normal(size=(70, 200)) * rng.uniform(0.1, 9, size=(70, 1))
    log_weights[3] = np.nan
    together = smooth(log_weights)
    for i in range(0, 70, 9):
        alone = smooth(log_weights[i : i + 1])
        np.testing.assert_array_equal(alone.khat[0], together.khat[i])
        np.testing.assert_array_equal(alone.log_weights[0], together.log_weights[i])


def test_what_came_in_is_left_as_it_was_and_no_weight_grows_beyond_the_largest() -> None:
    log_weights = np.random.default_rng(6).normal(size=(20, 100)) * 5
    before = log_weights.copy()
    found = smooth(log_weights)
    np.testing.assert_array_equal(log_weights, before)
    assert (found.log_weights.max(axis=1) <= log_weights.max(axis=1)).all()
    order = np.argsort(log_weights, axis=1)
    assert (np.diff(np.take_along_axis(found.log_weights, order, axis=1)) >= -1e-12).all()


def test_khat_is_the_shape_of_a_pareto_tail() -> None:
    """Weights u^-k have a tail of shape k: k-hat is that, up to its prior and error (Zhang and Stephens 2009)."""
    rng = np.random.default_rng(7)
    for k in (0.3, 0.7, 1.2):
        khat = smooth(-k * np.log(rng.random((200, 4000)))).khat
        tail = 3 * 4000**0.5
        shrunk = (tail * k + 10 * 0.5) / (tail + 10)
        assert abs(khat.mean() - shrunk) < 4 * (1 + k) / (tail * 200) ** 0.5 + 0.03
        assert 0.5 < khat.std() / ((1 + k) / tail**0.5) < 1.5


def test_log_weights_have_two_axes() -> None:
    for shape in [(3,), (3, 0), (1, 2, 3)]:
        with pytest.raises(ValueError, match="expected"):
            smooth(np.zeros(shape))


def test_normalised_weights_sum_to_one() -> None:
    found = smooth(np.random.default_rng(8).normal(size=(5, 100)) * 3 + 1e4)
    np.testing.assert_allclose(normalised(found.log_weights).sum(axis=1), 1)


def anything(generator: np.random.Generator) -> np.ndarray:
    """One row of log weights of a random kind."""
    draws = int(generator.integers(5, 400))
    x = generator.standard_t(generator.choice([1, 3, 30]), draws) * generator.choice([1e-9, 0.1, 1.0, 5.0, 60.0])
    kind = generator.integers(6)
    if kind == 0:  # ties, also at the cutoff and at the top
        x = np.round(x, int(generator.integers(0, 2)))
    if kind == 1:  # weights of zero
        x[generator.random(draws) < generator.random()] = -np.inf
    if kind == 2:  # all equal
        x[:] = x[0]
    if kind == 3:  # one draw bears all
        x[generator.integers(draws)] += 500
    if kind == 4:  # a tail below the smallest number there is
        x -= 800 * (generator.random(draws) < 0.9)
    return x + generator.normal() * 300


@pytest.mark.parametrize("inputs", [400, pytest.param(8000, marks=pytest.mark.slow)])
def test_whatever_comes_in_is_as_arviz_has_it(inputs: int) -> None:
    generator = np.random.default_rng(inputs)
    for _ in range(inputs):
        row = anything(generator)
        if np.isfinite(row).any():
            same(row[None])


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.inf, np.nan]))
@settings(max_examples=40, deadline=None)
def test_what_is_no_weight_spoils_its_own_universe_only(seed: int, bad: float) -> None:
    generator = np.random.default_rng(seed)
    log_weights = np.stack([generator.normal(size=60) for _ in range(4)])
    good = smooth(log_weights)
    log_weights[1, generator.integers(60)] = bad
    found = smooth(log_weights)
    assert not found.khat[1] < 1e300  # infinite or NaN: no gate is passed
    np.testing.assert_array_equal(found.log_weights[1], log_weights[1])
    for universe in (0, 2, 3):
        np.testing.assert_array_equal(found.log_weights[universe], good.log_weights[universe])

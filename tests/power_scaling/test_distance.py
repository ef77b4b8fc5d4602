"""The distance of weighted draws: a slow loop, its bounds, its symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.power_scaling.distance import cjs_distances


def slowly(draws: list[float], weights: list[float]) -> float:
    """As priorsense has it: P log2 (P / M) + (Q - P) / (2 ln 2), both ways, over its bound; and for minus the draws."""
    found = []
    for sign in (1.0, -1.0):
        pairs = sorted((sign * x, w) for x, w in zip(draws, weights, strict=True))
        divergence, bound, p, q = 0.0, 0.0, 0.0, 0.0
        for (x, w), (beyond, _) in zip(pairs, pairs[1:], strict=False):
            p, q = p + 1 / len(draws), q + w
            width, middle = beyond - x, (p + q) / 2
            one = p * math.log2(p / middle) + (q - p) / (2 * math.log(2))
            other = (q * math.log2(q / middle) if q > 0 else 0.0) + (p - q) / (2 * math.log(2))
            divergence, bound = divergence + width * (one + other), bound + width * (p + q)
        found.append(math.sqrt(max(divergence, 0.0) / bound))
    return max(found)


def sample(seed: int, n: int = 6, draws: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.sort(rng.standard_t(3, size=(n, draws)), axis=1), rng.dirichlet(np.full(draws, rng.uniform(0.1, 9)), n)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_it_is_what_a_loop_says(seed: int) -> None:
    x, w = sample(seed)
    expected = [slowly(list(a), list(b)) for a, b in zip(x, w, strict=True)]
    np.testing.assert_allclose(cjs_distances(x, w), expected, rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=25)
def test_it_has_no_unit_no_origin_and_no_direction(seed: int, scale: float, shift: float) -> None:
    x, w = sample(seed)
    distance = cjs_distances(x, w)
    assert ((distance > 0) & (distance <= 1)).all()
    np.testing.assert_allclose(cjs_distances(scale * x + shift, w), distance, rtol=1e-6)
    np.testing.assert_allclose(cjs_distances(-x[:, ::-1], w[:, ::-1]), distance, rtol=1e-9)


def test_equal_weights_have_no_distance_and_equal_draws_none_that_can_be_told() -> None:
    x, _ = sample(1)
    np.testing.assert_allclose(cjs_distances(x, np.full(x.shape, 1 / 40)), 0, atol=1e-12)
    assert np.isnan(cjs_distances(np.ones((1, 40)), np.full((1, 40), 1 / 40))).all()


def test_a_small_difference_is_told_to_the_digit() -> None:
    """Of second order: a difference ten thousand times smaller has a distance ten thousand times smaller."""
    x, w = sample(2)
    even = np.full(w.shape, 1 / 40)
    large, small = (cjs_distances(x, even + share * (w - even)) for share in (1e-3, 1e-7))
    np.testing.assert_allclose(large / small, 1e4, rtol=0.01)


def test_all_weight_on_the_last_draw() -> None:
    w = np.zeros((1, 4))
    w[0, -1] = 1.0
    assert cjs_distances(np.array([[0.0, 1.0, 2.0, 3.0]]), w)[0] == pytest.approx(slowly([0, 1, 2, 3], [0, 0, 0, 1]))

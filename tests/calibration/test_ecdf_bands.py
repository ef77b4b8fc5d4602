from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, uniform

from multiverse.calibration.ecdf_bands import band, ecdf, limits, p_value, places, within

REPEATS = 2000


def paths(n: int, seed: int = 0) -> np.ndarray:
    """ECDFs of n uniform values at the places of a band, (repeat, point)."""
    values = np.random.default_rng(seed).uniform(size=(REPEATS, n))
    return (values[:, :, None] <= places(n)).mean(axis=1)


@pytest.mark.parametrize("n", [20, 50, 300])
def test_a_band_holds_a_whole_path_as_often_as_it_says(n):
    edge = band(n, 0.9)
    assert edge.level >= 0.9
    found = paths(n)
    inside = ((found >= edge.lower - 1e-12) & (found <= edge.upper + 1e-12)).all(axis=1).mean()
    assert abs(inside - edge.level) < 4 * math.sqrt(edge.level * (1 - edge.level) / REPEATS)


def test_the_probability_of_a_path_is_that_of_all_its_paths():
    """Five values: each way in which they can fall between the points, counted out."""
    n, points = 5, np.array([0.2, 0.5, 0.6])
    lower, upper = np.array([0, 1, 2]), np.array([2, 3, 4])
    steps = np.diff([0.0, *points, 1.0])
    total = 0.0
    for counts in itertools.product(range(n + 1), repeat=3):
        if list(counts) == sorted(counts) and all(lower <= counts) and all(counts <= upper):
            between = np.diff([0, *counts, n])
            ways = math.factorial(n) / math.prod(math.factorial(k) for k in between)
            total += ways * float(np.prod(steps**between))
    assert within(n, points, lower, upper) == pytest.approx(total, rel=1e-12)
    assert within(n, points, upper, lower) == 0.0


# counts at five points, by `arviz.stats.ecdf_utils.ecdf_confidence_band(n, places(n), places(n), 0.95)` of ArviZ 0.23.4
ARVIZ = {
    50: ([0, 5, 15, 28, 45], [5, 22, 35, 45, 50]),
    250: ([0, 43, 102, 167, 242], [8, 83, 148, 207, 250]),
}


@pytest.mark.parametrize("n", ARVIZ)
def test_it_is_the_band_of_arviz(n):
    """Of Säilynoja et al. 2022, by optimisation; its optimiser stops somewhere near the level, above it or below."""
    edge, last = band(n, 0.95), len(places(n))
    at = [0, last // 4, last // 2, 3 * last // 4, last - 1]
    for mine, theirs in zip((edge.lower, edge.upper), ARVIZ[n], strict=True):
        assert np.abs(mine[at] * n - theirs).max() < 1.5


def test_limits_leave_out_tails_that_are_too_small():
    n, points, gamma = 40, places(40), 0.03
    lower, upper = limits(n, points, gamma)
    assert (binom.cdf(lower, n, points) > gamma / 2).all()
    assert (binom.cdf(lower - 1, n, points) <= gamma / 2).all()
    assert (binom.sf(upper - 1, n, points) > gamma / 2).all()
    assert (binom.sf(upper, n, points) <= gamma / 2).all()


@pytest.mark.parametrize("n", [1, 7, 60])
def test_p_says_what_the_band_says(n):
    edge = band(n, 0.8)
    for values in np.random.default_rng(n).uniform(size=(40, n)):
        found = ecdf(values, edge.points)
        inside = bool(((found >= edge.lower - 1e-12) & (found <= edge.upper + 1e-12)).all())
        assert (p_value(values) > 1 - edge.level + 1e-9) == inside


def test_p_of_uniform_values_is_uniform_or_larger():
    found = np.array([p_value(values) for values in np.random.default_rng(1).uniform(size=(250, 30))])
    for level in (0.05, 0.2, 0.5):
        assert (found <= level).mean() < level + 4 * math.sqrt(level * (1 - level) / 250)
    assert (found <= 0.2).mean() > 0.1  # and not much larger


def test_p_of_what_is_not_uniform_is_small():
    assert p_value(np.full(50, 0.5)) < 1e-9
    assert p_value(uniform.rvs(size=200, random_state=0) ** 2) < 1e-6
    assert math.isnan(p_value([]))


def test_a_band_of_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="0 values"):
        band(0)
    with pytest.raises(ValueError, match="level 1"):
        band(10, 1.0)

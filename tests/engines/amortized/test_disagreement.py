"""Networks that say the same agree, others are as far apart as they say, and noise of draws is no distance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from multiverse.engines.amortized.disagreement import disagreement

EACH = 2000  # draws of a network
GRID = stats.norm.ppf((np.arange(EACH) + 0.5) / EACH)  # a normal without noise
ROUNDING = 0.01  # of quantiles of a grid, and of the noise that is subtracted though it has none (some 1e-3)


def said(places: list[float], sds: list[float], dimension: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Draws (draw, dimension) of networks that say normals, and whose each is; they differ in the last coordinate."""
    rest = [np.tile(GRID[:, None], dimension - 1)] * len(places)
    last = [place + sd * GRID for place, sd in zip(places, sds, strict=True)]
    u = np.concatenate([np.column_stack([some, one]) for some, one in zip(rest, last, strict=True)])
    return u, np.repeat(np.arange(len(places)), EACH)


def test_networks_that_say_the_same_agree() -> None:
    assert disagreement(*said([0.3] * 5, [2.0] * 5)) == 0


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e4])
def test_means_are_apart_in_posterior_sds(unit: float) -> None:
    u, member = said([-1.0, 0.0, 1.0], [1.0] * 3)
    assert disagreement(unit * u + 5 * unit, member) == pytest.approx(1.0, abs=ROUNDING)


def test_widths_are_apart_by_their_logarithm() -> None:
    u, member = said([0.0] * 3, [math.exp(-1), 1.0, math.e])
    assert disagreement(u, member) == pytest.approx(1.0, abs=ROUNDING)


def test_the_worst_coordinate_counts_and_who_is_who_does_not() -> None:
    u, member = said([-0.5, 0.5], [1.0, 1.0], dimension=4)
    expected = math.sqrt(0.5)  # the spread of two numbers that are 1 apart
    order = np.random.default_rng(0).permutation(len(u))
    assert disagreement(u, member) == pytest.approx(expected, abs=ROUNDING)
    assert disagreement(u[order][:, ::-1], 1 - member[order]) == pytest.approx(disagreement(u, member), abs=1e-9)


def test_noise_of_draws_is_no_disagreement() -> None:
    """Five networks, the same normal: what is left over is what the variance of five numbers errs by."""
    u = np.random.default_rng(1).normal(size=(5 * EACH, 3))
    worst = stats.chi2.isf(1e-4 / 6, 4) / 4 - 1  # of six variances of five numbers, in their true one
    assert disagreement(u, np.arange(5 * EACH) % 5) < math.sqrt(worst * math.pi / 2 / EACH)


def test_tails_without_moments_do_not_matter() -> None:
    u, member = said([-1.0, 0.0, 1.0], [1.0] * 3)
    u[::EACH] = -1e9
    assert disagreement(u, member) == pytest.approx(1.0, abs=ROUNDING)


def test_a_single_network_cannot_disagree() -> None:
    assert math.isnan(disagreement(GRID[:, None], np.zeros(EACH, int)))

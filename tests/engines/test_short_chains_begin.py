"""Where many short chains begin: whitened coordinates, tempered weights, distinct starts."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines.estimand_draws import Failure
from multiverse.engines.outcome import Reason
from multiverse.engines.short_chains.begin import COLUMNS_MAX, Approximation, Begin, begin, tempered
from multiverse.engines.weighing.weighted import importance_ess


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

"""Weighted numbers: with equal weights the usual ones; else those of counted draws, with errors that are seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.engines.estimates import summarise
from multiverse.engines.weighing.weighted import (
    evidence,
    importance_ess,
    normalised,
    summarise_resampled,
    summarise_weighted,
    systematic_resample,
)

RNG = np.random.default_rng(0)


def test_with_equal_weights_the_numbers_are_the_usual_ones() -> None:
    draws = RNG.normal(size=(7, 501)) * 3 + 1
    found, usual = summarise_weighted(draws, np.full(draws.shape, 1 / 501)), summarise(draws[:, None])
    assert list(found) == list(usual)
    for name in ("mean", "sd", "median", "q2_5", "q25", "q75", "q97_5", "p_positive"):
        np.testing.assert_allclose(found[name], usual[name], rtol=1e-9)
    np.testing.assert_allclose(found["mcse_mean"], draws.std(axis=1) / np.sqrt(501))
    for name in ("ess", "ess_tail"):
        np.testing.assert_allclose(found[name], 501)
    assert np.isnan(found["rhat"]).all()


def test_a_weight_is_a_number_of_draws() -> None:
    """Up to interpolation and degrees of freedom: a draw of weight three is a draw that is there three times."""
    draws, counts = RNG.normal(size=400), RNG.integers(0, 4, 400)
    found = summarise_weighted(draws[None], counts[None] / counts.sum())
    repeated = np.repeat(draws, counts)
    assert found["mean"][0] == pytest.approx(repeated.mean())
    assert found["sd"][0] == pytest.approx(repeated.std(), rel=0.01)
    assert found["p_positive"][0] == pytest.approx((repeated > 0).mean())
    for name, p in {"q2_5": 0.025, "median": 0.5, "q97_5": 0.975}.items():
        below, above = np.quantile(repeated, [max(p - 0.01, 0), min(p + 0.01, 1)])
        assert below <= found[name][0] <= above


def test_draws_of_weight_zero_do_not_count() -> None:
    draws, weights = RNG.normal(size=(2, 100)), RNG.random((2, 100))
    more = np.concatenate([draws, [[np.nan, 1e300, -np.inf]] * 2], axis=1)
    padded = normalised(np.log(weights))
    found = summarise_weighted(more, np.concatenate([padded, np.zeros((2, 3))], axis=1))
    for name, values in summarise_weighted(draws, padded).items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, equal_nan=True)


def test_what_cannot_be_weighed_is_not_a_number() -> None:
    draws = np.array([[1.0, np.nan, 2.0], [1.0, 2.0, 3.0]])
    found = summarise_weighted(draws, np.array([[0.3, 0.3, 0.4], [np.nan] * 3]))
    assert all(np.isnan(values).all() for values in found.values())


def test_errors_are_those_seen_over_many_simulations() -> None:
    """N(0, 1) by draws of N(0.5, 1.5^2): z scores of mean and log marginal likelihood have a spread of 1."""
    z = np.random.default_rng(1).normal(size=(2000, 500))
    x = 0.5 + 1.5 * z
    log_weights = -(x**2) / 2 + z**2 / 2 + np.log(1.5) + 7
    found, log_z = summarise_weighted(x, normalised(log_weights)), evidence(log_weights)
    for score in (found["mean"] / found["mcse_mean"], (log_z.log_marginal - 7) / log_z.mcse):
        assert abs(score.mean()) < 4 / np.sqrt(2000) + 0.05  # of order 1 / sqrt(draws): ratios, logs
        assert 0.93 < score.std() < 1.07  # 4 standard errors of a standard deviation are 0.063


def test_evidence_of_equal_weights_has_no_error() -> None:
    assert evidence(np.full((1, 10), -1234.5)) == (pytest.approx(-1234.5), pytest.approx(0, abs=1e-7))


def test_a_resample_has_an_error_that_covers_what_is_seen() -> None:
    rng = np.random.default_rng(2)
    x = 0.5 + 1.5 * rng.normal(size=(2000, 300))
    weights = normalised(-(x**2) / 2 + ((x - 0.5) / 1.5) ** 2 / 2)
    chosen = systematic_resample(weights, rng.random(2000))
    found = summarise_resampled(np.take_along_axis(x, chosen, axis=1), importance_ess(weights))
    assert 0.7 < (found["mean"] / found["mcse_mean"]).std() < 1.07
    assert np.isnan(found["ess_tail"]).all()


@given(st.integers(0, 2**32 - 1), st.floats(0, 1, exclude_max=True))
@settings(max_examples=50, deadline=None)
def test_a_resample_holds_each_draw_as_often_as_it_weighs(seed: int, offset: float) -> None:
    weights = np.random.default_rng(seed).dirichlet(np.full(50, 0.3))[None]
    chosen = systematic_resample(weights, np.array([offset]))
    assert chosen.shape == (1, 50)
    counts = np.bincount(chosen[0], minlength=50)
    assert (np.abs(counts - 50 * weights[0]) < 1 + 1e-9).all()
    assert (counts[weights[0] == 0] == 0).all()


def test_the_effective_sample_size_of_weights() -> None:
    np.testing.assert_allclose(importance_ess(np.array([[0.25] * 4, [1.0, 0, 0, 0]])), [4, 1])


def test_a_probability_is_never_above_one() -> None:
    """Weights of 4,000 draws may sum to 1.0000000000000002."""
    weights = normalised(np.random.default_rng(3).normal(size=(200, 4000)))
    assert (weights.sum(axis=1) > 1).any()
    assert (summarise_weighted(np.ones((200, 4000)), weights)["p_positive"] <= 1).all()

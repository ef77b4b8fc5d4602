from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from multiverse.calibration.ecdf_bands import p_value
from multiverse.calibration.placed import placed

RNG = np.random.default_rng(3)
FAR = 0.001  # p of Kolmogorov and Smirnov's test below which places are not uniform; seeds are fixed


def test_of_independent_draws_it_is_the_rank_spread_over_its_step():
    draws, truth, uniform = RNG.normal(size=(2, 9)), np.array([0.1, -0.3]), np.array([0.25, 0.75])
    found = placed(truth, draws, uniform)
    rank = (draws < truth[:, None]).sum(axis=1)
    assert found.place == pytest.approx((rank + uniform) / 10)
    assert found.ess == pytest.approx([9, 9])
    assert found.mean == pytest.approx(draws.mean(axis=1))
    assert found.sd == pytest.approx(draws.std(axis=1, ddof=1))


def test_ties_are_broken_at_random():
    """Counts: truth and draws are equal more often than not, and the places are uniform all the same."""
    both = RNG.poisson(1.0, size=(3000, 21)).astype(float)
    found = placed(both[:, 0], both[:, 1:], RNG.uniform(size=3000))
    assert kstest(found.place, "uniform").pvalue > FAR
    never = placed(both[:, 0], both[:, 1:], np.zeros(3000))
    assert kstest(never.place, "uniform").pvalue < FAR


def test_weighted_draws_place_the_truth_too():
    """Draws of a wider normal, weighed back to the posterior; unweighed they are too wide."""
    truth, draws = RNG.normal(size=2000), RNG.normal(scale=1.5, size=(2000, 400))
    uniform = RNG.uniform(size=2000)
    places = []
    for at in range(2000):
        log_weights = norm.logpdf(draws[at]) - norm.logpdf(draws[at], scale=1.5)
        places.append(placed(truth[[at]], draws[[at]], uniform[[at]], log_weights=log_weights).place[0])
    assert kstest(places, "uniform").pvalue > FAR
    assert kstest(placed(truth, draws, uniform).place, "uniform").pvalue < FAR


def test_draws_that_hang_together_are_worth_fewer():
    """AR(0.9) draws: at their effective number the places are uniform."""
    from multiverse.engines.diagnostics import ess_bulk

    noise = RNG.normal(size=(1500, 100))
    draws = np.empty_like(noise)
    draws[:, 0] = noise[:, 0]
    for at in range(1, 100):
        draws[:, at] = 0.9 * draws[:, at - 1] + np.sqrt(1 - 0.81) * noise[:, at]
    truth, uniform = RNG.normal(size=1500), RNG.uniform(size=1500)
    ess = np.full(1500, np.median(ess_bulk(draws[:, None])))
    assert 4 < ess[0] < 20
    assert p_value(placed(truth, draws, uniform, ess=ess).place) > FAR
    assert p_value(placed(truth, draws, uniform).place) < FAR  # too many at the ends


def test_what_cannot_be_placed_is_no_number():
    draws = np.array([[0.0, 1.0], [np.nan, 1.0], [0.0, 1.0], [0.0, 1.0]])
    found = placed(np.array([0.5, 0.5, np.nan, np.inf]), draws, np.full(4, 0.5))
    assert np.isnan(found.place).tolist() == [False, True, True, False]  # infinite is above all draws
    assert found.place[3] == pytest.approx(2.5 / 3)


def test_a_draw_without_weight_says_nothing():
    found = placed(np.array([0.0]), np.array([[np.nan, 1.0]]), np.array([0.5]), log_weights=np.array([-np.inf, 0.0]))
    assert found.place == pytest.approx([0.25])
    assert found.mean == pytest.approx([1.0])

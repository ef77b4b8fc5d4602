from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines import diagnostics as dx
from multiverse.engines.estimates import summarise

COLUMNS = "mean sd median q2_5 q25 q75 q97_5 p_positive mcse_mean ess ess_tail rhat".split()  # of the view `estimates`


def draws(n: int = 6, chain: int = 4, draw: int = 75) -> np.ndarray:
    return np.random.default_rng(7).normal(0.3, 1, size=(n, chain, draw)) * np.arange(1, n + 1)[:, None, None]


def test_the_statistics_are_the_columns_of_the_view_in_order() -> None:
    assert list(summarise(draws())) == COLUMNS
    assert all(v.shape == (6,) and v.dtype == np.float64 for v in summarise(draws()).values())


@pytest.mark.parametrize("shape", [(6, 4, 75), (3, 1, 10), (2, 2, 4), (1, 3, 5)])
def test_equal_numpy_on_the_flat_draws(shape: tuple[int, int, int]) -> None:
    x = draws(*shape)
    flat, got = x.reshape(shape[0], -1), summarise(x)
    np.testing.assert_allclose(got["mean"], flat.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(got["sd"], flat.std(axis=1, ddof=1), rtol=1e-12)
    for name, p in {"q2_5": 0.025, "q25": 0.25, "median": 0.5, "q75": 0.75, "q97_5": 0.975}.items():
        np.testing.assert_allclose(got[name], np.quantile(flat, p, axis=1), rtol=1e-12)
    np.testing.assert_allclose(got["p_positive"], (flat > 0).mean(axis=1), rtol=1e-15)
    np.testing.assert_array_equal(got["mcse_mean"], dx.mcse_mean(x))
    judged = dx.convergence(x)
    np.testing.assert_array_equal([got["ess"], got["ess_tail"], got["rhat"]], [judged[1], judged[2], judged[0]])


def test_a_known_posterior_within_its_monte_carlo_error() -> None:
    x = np.random.default_rng(11).normal(2.0, 3.0, size=(200, 4, 500))
    got = summarise(x)
    z = (got["mean"] - 2.0) / got["mcse_mean"]
    assert abs(z).max() < 4.5  # of 200 standard normals: passed once in 700 seeds
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * 200)  # the stated error is the real one, within 4 of its own errors
    # the share above zero: independent draws, so its error is binomial
    p = 0.7475074624530771  # of a Normal(2, 3)
    assert abs(got["p_positive"].mean() - p) < 4 * np.sqrt(p * (1 - p) / x.size)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_draw_that_is_not_finite_makes_all_of_its_scalar_nan(bad: float) -> None:
    x = draws()
    x[2, 1, 3] = bad
    for name, values in summarise(x).items():
        np.testing.assert_array_equal(np.isnan(values), np.arange(6) == 2, err_msg=name)


def test_zero_is_not_positive_and_constants_have_no_error() -> None:
    got = summarise(np.zeros((1, 4, 50)))
    assert got["p_positive"] == 0 and got["sd"] == 0 and got["mcse_mean"] == 0 and np.isnan(got["rhat"])


def test_few_draws_have_a_mean_but_no_convergence() -> None:
    got = summarise(np.array([[[1.0, 2.0, 6.0]]]))
    assert got["mean"] == 3 and got["median"] == 2 and np.isnan([got["ess"], got["rhat"], got["mcse_mean"]]).all()
    one = summarise(np.array([[[5.0]]]))
    assert one["mean"] == 5 and one["q2_5"] == 5 and one["q97_5"] == 5 and np.isnan(one["sd"])


def test_float32_draws_are_summed_in_float64() -> None:
    x = (1000 + np.random.default_rng(3).normal(size=(2, 4, 300))).astype(np.float32)
    np.testing.assert_allclose(summarise(x)["mean"], x.astype(np.float64).reshape(2, -1).mean(axis=1), rtol=1e-14)

from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines import diagnostics as dx
from multiverse.engines.estimates import QUANTILES, from_numbers, from_standard_errors, summarise

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


class TestStandardErrors:
    value, se, df = np.array([1.5, -0.2, 40.0, 0.0]), np.array([0.5, 1.0, 3.0, 2.0]), np.array([7.0, 2.5, np.inf, 1.0])

    def test_equal_scipy_distributions(self) -> None:
        from scipy.stats import norm, t

        got = from_standard_errors(self.value, self.se, self.df)
        assert list(got) == COLUMNS
        for i, (value, se, df) in enumerate(zip(self.value, self.se, self.df, strict=True)):
            known = norm(value, se) if np.isinf(df) else t(df, value, se)
            for name, p in QUANTILES.items():
                # the inverse of the t distribution is good to 1e-9 for fractional df
                assert got[name][i] == pytest.approx(known.ppf(p), rel=1e-8, abs=1e-12)
            assert got["p_positive"][i] == pytest.approx(known.sf(0.0), rel=1e-10)
        np.testing.assert_array_equal(got["mean"], self.value)
        np.testing.assert_array_equal(got["median"], self.value)
        np.testing.assert_array_equal(got["sd"], self.se)
        np.testing.assert_array_equal(got["mcse_mean"], 0.0)
        assert all(np.isnan(got[name]).all() for name in ("ess", "ess_tail", "rhat"))

    def test_ends_of_intervals_from_printed_tables(self) -> None:
        """t of 10 and of 1 degree of freedom at 97.5 %, the normal at 97.5 and 75 %."""
        got = from_standard_errors([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [10, 1, np.inf])
        np.testing.assert_allclose(got["q97_5"], [2.228139, 12.706205, 1.959964], atol=5e-7)
        assert got["q75"][2] == pytest.approx(0.674490, abs=5e-7)
        np.testing.assert_allclose(got["q2_5"], -got["q97_5"], rtol=1e-12)

    def test_no_degrees_of_freedom_are_the_normal(self) -> None:
        normal = from_standard_errors(self.value, self.se, np.inf)
        for name, values in from_standard_errors(self.value, self.se).items():
            np.testing.assert_array_equal(values, normal[name])
            np.testing.assert_allclose(
                values, from_standard_errors(self.value, self.se, 1e9)[name], rtol=1e-6, atol=1e-8
            )

    def test_confidence_in_above_zero_is_one_less_the_one_sided_p_value(self) -> None:
        from scipy.stats import ttest_1samp

        x = np.random.default_rng(3).normal(0.4, 1, (5, 12))
        got = from_standard_errors(x.mean(axis=1), x.std(axis=1, ddof=1) / np.sqrt(12), 11)
        np.testing.assert_allclose(got["p_positive"], 1 - ttest_1samp(x, 0, axis=1, alternative="greater").pvalue)
        interval = ttest_1samp(x, 0, axis=1).confidence_interval(0.95)
        np.testing.assert_allclose([got["q2_5"], got["q97_5"]], interval, rtol=1e-8)

    def test_without_error_all_mass_lies_at_the_value(self) -> None:
        got = from_standard_errors([2.0, 0.0, -1.0], [0.0, 0.0, 0.0], [5, 5, np.inf])
        np.testing.assert_array_equal(got["p_positive"], [1.0, 0.0, 0.0])
        for name in QUANTILES:
            np.testing.assert_array_equal(got[name], [2.0, 0.0, -1.0])

    @pytest.mark.parametrize(("se", "df"), [(-1.0, 5.0), (np.nan, 5.0), (np.inf, 5.0), (1.0, 0.0), (1.0, np.nan)])
    def test_what_is_no_error_has_the_number_only(self, se: float, df: float) -> None:
        got = from_standard_errors([2.0, 1.0], [se, 1.0], [df, 5.0])
        assert [name for name in COLUMNS if not np.isnan(got[name][0])] == ["mean", "median"]
        assert got["sd"][1] == 1.0


def test_a_number_alone_has_neither_spread_nor_sign() -> None:
    got = from_numbers([3.0, -1.0])
    assert list(got) == COLUMNS
    for name, values in got.items():
        np.testing.assert_array_equal(values, [3.0, -1.0] if name in ("mean", "median") else [np.nan, np.nan])

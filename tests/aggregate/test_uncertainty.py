from __future__ import annotations

import numpy as np
import pytest

from multiverse.aggregate.estimates import Estimates
from multiverse.aggregate.uncertainty import uncertainty

FOUR = {"a": ("prior", list("pqrs"))}


def test_variance_of_a_known_mixture(make):
    """Means 0, 2, 4, 6 and sds 1, 2, 3, 4: within (1 + 4 + 9 + 16) / 4, between 5, by hand."""
    answer = uncertainty(make(FOUR, [0.0, 2.0, 4.0, 6.0], sd=[1, 2, 3, 4]))
    assert (answer.within, answer.between, answer.total) == (7.5, 5.0, 12.5)
    assert answer.hidden == pytest.approx(0.4)
    assert answer.total_sd == pytest.approx(np.sqrt(12.5))
    assert (answer.n, answer.n_left_out, answer.with_red) == (4, 0, None)


def test_it_equals_the_variance_of_draws_from_the_mixture(make):
    rng = np.random.default_rng(1)
    mean, sd = rng.normal(0, 2, 4), rng.uniform(0.5, 2, 4)
    answer = uncertainty(make(FOUR, mean, sd=sd))
    n = 400_000
    which = rng.integers(4, size=n)
    draws = rng.normal(mean[which], sd[which])
    fourth = np.mean((draws - draws.mean()) ** 4)
    error = np.sqrt((fourth - draws.var() ** 2) / n)  # standard error of a sample variance
    assert abs(draws.var() - answer.total) < 4 * error


def test_red_universes_are_left_out_counted_and_shown_beside(make):
    answer = uncertainty(make(FOUR, [0.0, 2.0, 4.0, 600.0], sd=[1, 2, 3, 4], red=(3,), planned=6))
    assert answer.between == pytest.approx(8 / 3)
    assert (answer.n, answer.n_left_out) == (3, 3)
    assert answer.with_red.n == 4
    assert answer.with_red.between == pytest.approx(np.var([0, 2, 4, 600]))
    assert "1 red left out, 2 not answered" in str(answer)


def test_parameterizations_do_not_add_variance_between(make):
    space = {"a": ("prior", ["p", "q"]), "g": ("parameterization", ["c", "n"])}
    answer = uncertainty(make(space, [-1.0, 1.0, 3.0, 5.0]))
    assert (answer.n, answer.between) == (2, 4.0)


def test_monte_carlo_variance_is_taken_out(make):
    """100 multiverses of 12 universes with noisy means: the mean corrected variance is the true one within 4
    standard errors."""
    rng = np.random.default_rng(2)
    space = {"a": ("prior", [f"o{i}" for i in range(12)])}
    truth, mcse = np.linspace(-1, 1, 12), rng.uniform(0.2, 0.6, 12)
    base = make(space, truth, mcse=mcse)
    raw, corrected = [], []
    for _ in range(100):
        table = base.table.assign(mean=truth + rng.normal(0, mcse))
        answer = uncertainty(Estimates("effect", table, base.decisions, 12))
        raw.append(table["mean"].var(ddof=0))
        corrected.append(answer.between)
    error = np.std(raw) / np.sqrt(len(raw))
    assert abs(np.mean(corrected) - truth.var()) < 4 * error
    assert np.mean(raw) - truth.var() > 4 * error  # and without it the answer is wrong


def test_noise_alone_is_clipped_at_zero_and_said(make):
    answer = uncertainty(make(FOUR, [0.0, 0.1, -0.1, 0.0], mcse=1.0))
    assert answer.clipped
    assert (answer.between, answer.hidden) == (0.0, 0.0)
    assert "set to 0" in str(answer)


def test_one_universe_hides_nothing_and_none_is_nan(make):
    assert uncertainty(make({"a": ("prior", ["p"])}, [1.0])).hidden == 0.0
    nothing = uncertainty(make(FOUR, np.arange(4.0), red=range(4)))
    assert np.isnan(nothing.total)
    assert nothing.with_red.total == 1.0 + 1.25
    assert "<table>" in nothing._repr_html_()


def test_missing_monte_carlo_errors_count_as_zero(make):
    assert uncertainty(make(FOUR, [0.0, 2.0, 4.0, 6.0], mcse=np.nan)).between == 5.0


def test_standard_errors_are_the_variance_within(make):
    answer = uncertainty(make(FOUR, [0.0, 2.0, 4.0, 6.0], sd=[1, 2, 3, 4], interval="confidence"))
    assert (answer.within, answer.between, answer.hidden) == (7.5, 5.0, pytest.approx(0.4))
    assert "within universes: squared standard errors" in str(answer)
    assert "Monte Carlo" not in str(answer)  # they are exact


def test_without_any_uncertainty_told_only_the_spread_is_known(make):
    answer = uncertainty(make(FOUR, [0.0, 2.0, 4.0, 6.0], interval="none"))
    assert (answer.between, answer.between_all, answer.n) == (5.0, 5.0, 4)
    assert all(np.isnan(x) for x in (answer.within, answer.total, answer.hidden, answer.within_sd))
    text = str(answer)
    assert "no universe told its uncertainty; only the spread between them is known (4 distinct analyses)" in text
    assert "within universes" not in text and "hides" not in text and "Monte Carlo" not in text


def test_a_mixture_is_taken_apart_over_those_that_tell(make):
    kinds = ["credible", "confidence", "confidence", "none"]
    answer = uncertainty(make(FOUR, [0.0, 2.0, 4.0, 600.0], sd=[1, 2, 3, 4], interval=kinds))
    own = uncertainty(make({"a": ("prior", list("pqr"))}, [0.0, 2.0, 4.0], sd=[1, 2, 3]))
    assert (answer.within, answer.between, answer.hidden) == pytest.approx((own.within, own.between, own.hidden))
    assert answer.between_all == pytest.approx(np.var([0, 2, 4, 600]))
    assert (answer.n, answer.kinds.told) == (4, 3)
    text = str(answer)
    assert "of the variance (3 distinct analyses)" in text
    assert "1 of 4 distinct analyses told no uncertainty: left out here" in text
    assert "sd between all 4: 259" in text
    assert "squared standard errors of 2 analyses" in text


def test_red_numbers_alone_stand_beside(make):
    answer = uncertainty(make(FOUR, [0.0, 2.0, 4.0, 8.0], interval="none", red=(3,)))
    assert answer.with_red.between == pytest.approx(np.var([0, 2, 4, 8]))
    assert "with the red universes that have numbers: sd between universes 2.96" in str(answer)
    everything = uncertainty(make(FOUR, np.arange(4.0), interval="none", red=range(4)))
    assert np.isnan(everything.between)
    assert "no universe told its uncertainty" in str(everything)

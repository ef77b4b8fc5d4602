"""Noise makes no shares; intervals hold what they should; a sample of a space is no space."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.aggregate import division as division_file
from multiverse.aggregate.division import divide
from multiverse.aggregate.factors import Factor
from multiverse.aggregate.groups import Groups
from multiverse.aggregate.regression import Regression
from multiverse.aggregate.shapley import shapley


def columns_of(options):
    return list(np.unravel_index(np.arange(int(np.prod(options))), options))


def factors_of(columns):
    return tuple(Factor(f"d{i}", "x", (f"d{i}",), c, int(c.max()) + 1) for i, c in enumerate(columns))


def equal(rows):
    return np.full(rows, 1 / rows)


@pytest.mark.parametrize("keep", [slice(None), slice(0, 21)])
@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_noise_makes_no_shares_and_takes_none(keep, signal):
    """Parts of 4,000 noisy repetitions average to those without noise, errors of each universe being its own."""
    rng = np.random.default_rng(3)
    columns = [c[keep] for c in columns_of([3, 4, 2])]
    rows = len(columns[0])
    truth = signal * (columns[0] + 0.5 * columns[1] * columns[2])
    error = rng.uniform(0.2, 2.0, rows)
    noisy = truth[:, None] + error[:, None] * rng.normal(size=(rows, 4000))
    parts = shapley(Groups(columns, equal(rows), noisy, error**2, extra=0.0).table())
    exact = shapley(Groups(columns, equal(rows), truth[:, None], np.zeros(rows)).table())[:, 0]
    assert (np.abs(parts.mean(axis=1) - exact) < 4 * parts.std(axis=1) / np.sqrt(4000)).all()
    raw = shapley(Groups(columns, equal(rows), noisy, np.zeros(rows)).table())
    assert (raw.mean(axis=1) - exact > 4 * raw.std(axis=1) / np.sqrt(4000)).all()  # and left in, it would


def shares_of(division):
    return division.parts / division.variance


@pytest.mark.parametrize("keep", [slice(None), slice(0, 21)])
def test_intervals_hold_the_share_without_noise(keep):
    rng = np.random.default_rng(5)
    columns = [c[keep] for c in columns_of([3, 4, 2])]
    rows = len(columns[0])
    truth, error = columns[0] + 0.5 * columns[1] * columns[2] + 0.3 * columns[2], np.full(rows, 0.25)
    exact = shares_of(divide(factors_of(columns), equal(rows), truth, 0 * error, 1.0))[:, 0]
    held, width = [], []
    for _ in range(200):
        division = divide(factors_of(columns), equal(rows), truth + error * rng.normal(size=rows), error, 1.0)
        found = division.interval(shares_of)
        held.append((found.low <= exact) & (exact <= found.high))
        width.append(found.high - found.low)
    assert (np.mean(held, axis=0) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 200)).all()
    assert np.mean(width) < 0.2  # and not by being wide


def test_without_noise_nothing_is_uncertain():
    columns = columns_of([3, 2])
    division = divide(factors_of(columns), equal(6), columns[0] + 0.0, np.zeros(6), 1.0)
    found = division.interval(shares_of)
    assert not division.uncertain
    assert np.array_equal(found.low, found.high)


def test_shares_that_could_be_anything_are_said_to_be():
    """Noise as large as the differences: some replicates have no variance, so nothing is known of shares."""
    columns = columns_of([3, 2])
    mean = np.array([0.0, 1.0, 2.0, 1.0, 3.0, 2.0])
    division = divide(factors_of(columns), equal(6), mean, np.ones(6), 1.0)
    assert not division.flat
    found = division.interval(shares_of)
    assert (found.low == 0).all() and (found.high == 1).all()


SPACE = [5, 5, 5, 5]  # 625 universes; the last decision does nothing


def response(columns):
    return columns[0] + 0.7 * (columns[1] - 2.0) ** 2 + 0.4 * columns[2]


def sampled(rng, rows=100, error=0.0):
    """A random sample of the space, and the division of it."""
    whole = columns_of(SPACE)
    chosen = rng.choice(len(whole[0]), rows, replace=False)
    columns = [c[chosen] for c in whole]
    mean = response(columns) + error * rng.normal(size=rows)
    return columns, mean, divide(factors_of(columns), equal(rows), mean, np.full(rows, error), rows / 625)


def test_a_sample_estimates_the_shares_of_the_space():
    whole = columns_of(SPACE)
    exact = shares_of(divide(factors_of(whole), equal(625), response(whole), np.zeros(625), 1.0))[:, 0]
    found, held, naive = [], [], []
    for seed in range(24):
        columns, mean, division = sampled(np.random.default_rng(seed), error=0.3)
        assert division.sampled and not division.pairs
        interval = division.interval(shares_of)
        found.append(interval.value)
        held.append((interval.low <= exact) & (exact <= interval.high))
        plain = shapley(Groups(columns, equal(100), mean[:, None], np.full(100, 0.09)).table())[:, 0]
        naive.append(plain / plain.sum())
    error = np.std(found, axis=0) / np.sqrt(24)
    # a ratio of two estimates is biased by about the square of their relative error, (0.15)^2; allow half of it
    assert (np.abs(np.mean(found, axis=0) - exact) < 4 * error + 0.01).all()
    assert np.mean(held) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 96)
    # the trap: with three decisions known each sampled universe is alone, and the idle decision seems to explain
    assert np.mean(naive, axis=0)[3] > 0.06 > 6 * abs(np.mean(found, axis=0)[3])


def test_a_regression_with_pairs_finds_the_terms_of_a_grid():
    """Without effects of three decisions, a whole grid by regression is the grid."""
    rng = np.random.default_rng(5)
    columns = columns_of([3, 4, 2, 5])
    value = sum(rng.normal(size=(4, 5))[i, c] for i, c in enumerate(columns))
    value = value + sum(rng.normal(size=(5, 5))[a, b] for a, b in zip(columns[:-1], columns[1:], strict=True))
    many = [np.tile(c, 4) for c in columns]  # each cell four times: rows enough for pairs
    fit = Regression(many, equal(480), np.tile(value, 4)[:, None], np.zeros(480), fraction=1.0)
    assert fit.pairs
    expected = Groups(columns, equal(120), value[:, None], np.zeros(120)).table()
    assert np.allclose(fit.table(), expected, atol=1e-8)
    assert np.allclose(fit.walk([2, 0, 3, 1]), fit.table()[np.cumsum([0, 4, 1, 8, 2])])


def test_too_many_sets_are_answered_by_random_orders(monkeypatch):
    rng = np.random.default_rng(2)
    columns = [c[:-1] for c in columns_of([2] * 6)]
    mean = columns[0] + 0.5 * columns[1] * columns[2] + 0.1 * rng.normal(size=63)
    exact = divide(factors_of(columns), equal(63), mean, np.zeros(63), 1.0)
    assert exact.exact
    monkeypatch.setattr(division_file, "MOST_WORK", 2000.0)
    few = divide(factors_of(columns), equal(63), mean, np.zeros(63), 1.0)
    assert not few.exact and few.orders == 32 and few.uncertain
    assert few.order_error.max() > 0
    assert (np.abs(few.parts - exact.parts)[:, 0] <= 4 * few.order_error + 1e-12).all()
    assert few.parts.sum() == pytest.approx(exact.parts.sum())
    assert few.explained([1, 2])[0] == pytest.approx(exact.explained([1, 2])[0])

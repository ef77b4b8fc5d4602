"""Exact duplicates have one Monte Carlo error between them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multiverse.aggregate.division import divide
from multiverse.aggregate.factors import Factor
from multiverse.aggregate.groups import Groups
from multiverse.aggregate.shapley import shapley
from multiverse.aggregate.sources import error_of_sums, sources, sources_of


def factors_of(columns: list[np.ndarray]) -> tuple[Factor, ...]:
    return tuple(Factor(str(i), "data", (str(i),), column, int(column.max()) + 1) for i, column in enumerate(columns))


def test_who_shares_an_answer() -> None:
    table = pd.DataFrame({"key": ["a", "b", "c", "d"], "same_as": [None, "a", None, "x"]})
    assert sources(table).tolist() == [0, 0, 1, 2]
    assert sources(table[["key"]]).tolist() == [0, 1, 2, 3]


def test_averages_share_an_error_where_they_are_over_the_same_runs() -> None:
    source, group = np.array([0, 5, 5, 0, 0, 1]), np.array([0, 0, 1, 1, 2, 3])
    assert sources_of(source, group, 4).tolist() == [0, 0, 1, 2]
    assert sources_of(source[:0], group[:0], 0).size == 0


def test_the_error_of_a_sum_is_that_of_the_covariances() -> None:
    rng = np.random.default_rng(0)
    group, source, weight = rng.integers(0, 3, 30), rng.integers(0, 9, 30), rng.random(30)
    noise = rng.random(9)[source]
    covariance = np.where(source[:, None] == source, noise, 0.0)
    expected = [(w := np.where(group == g, weight, 0.0)) @ covariance @ w for g in range(3)]
    np.testing.assert_allclose(error_of_sums(group, 3, weight, noise, source), expected)


def test_what_is_taken_out_of_every_set_is_the_noise_that_is_in_it() -> None:
    """What groups explain is a quadratic form, so on average noise adds to it what each shared error adds alone."""
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, k, 40) for k in (2, 3, 2)]
    weight, source = rng.random(40), rng.integers(0, 12, 40)
    weight, error = weight / weight.sum(), rng.random(12)
    alone = (source[:, None] == np.arange(12)) * error
    added = sum(Groups(columns, weight, one[:, None], np.zeros(40)).table()[:, 0] for one in alone.T)
    still = Groups(columns, weight, np.zeros((40, 1)), error[source] ** 2, source=source).table()[:, 0]
    np.testing.assert_allclose(-still, added, atol=1e-12)
    assert not np.allclose(added, -Groups(columns, weight, np.zeros((40, 1)), error[source] ** 2).table()[:, 0])


def test_with_an_idle_decision_noise_makes_no_shares_and_takes_none() -> None:
    """Pure noise of 24 runs, each told three times: variance and parts are 0 on average, within 4 standard errors."""
    runs, copies = 24, 3
    columns = [np.repeat(np.arange(runs) % 4, copies), np.repeat(np.arange(runs) // 4, copies)]
    columns.append(np.tile(np.arange(copies), runs))  # the idle one
    source = np.repeat(np.arange(runs), copies)
    weight, error = np.full(runs * copies, 1 / (runs * copies)), np.ones(runs * copies)
    rng = np.random.default_rng(2)
    found = []
    for _ in range(400):
        mean = rng.normal(size=runs)[source]
        division = divide(factors_of(columns), weight, mean, error, 1.0, source)
        assert division.balanced
        found.append([division.variance[0], *shapley(division.table)[:, 0]])
    average, standard_error = np.mean(found, axis=0), np.std(found, axis=0) / 20
    assert (np.abs(average) <= 4 * np.maximum(standard_error, 1e-12)).all()
    assert shapley(division.table)[2] == pytest.approx(0, abs=1e-12)

"""Shapley parts against published closed forms, all orders, and their axioms."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.aggregate.grid import explained_on_grid
from multiverse.aggregate.groups import Groups
from multiverse.aggregate.shapley import by_permutations, interactions, shapley


def table_of(explained, count):
    """The table of a function of a set."""
    sets = [[i for i in range(count) if mask >> i & 1] for mask in range(1 << count)]
    return np.array([[explained(members)] for members in sets])


def linear_gaussian(beta, covariance):
    """V(E[b'X | X_S]) for normal X: the part of b'X that a linear regression on X_S explains."""
    beta, covariance = np.asarray(beta, float), np.asarray(covariance, float)
    cross = covariance @ beta

    def explained(members):
        if not members:
            return 0.0
        return float(cross[members] @ np.linalg.solve(covariance[np.ix_(members, members)], cross[members]))

    return table_of(explained, len(beta))


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.5, 0.95])
def test_two_correlated_normal_inputs(rho):
    """Owen and Prieur 2017, section 4.1; Iooss and Prieur 2019, Int. J. Uncertainty Quantification 9(5), eq. 17."""
    beta, sd = np.array([1.0, 2.0]), np.array([1.5, 0.5])
    covariance = np.array([[1, rho], [rho, 1]]) * np.outer(sd, sd)
    (one, two), cross = beta**2 * sd**2, rho * np.prod(beta * sd)
    parts = shapley(linear_gaussian(beta, covariance))[:, 0]
    assert parts[0] == pytest.approx(one * (1 - rho**2 / 2) + cross + two * rho**2 / 2)
    assert parts[1] == pytest.approx(two * (1 - rho**2 / 2) + cross + one * rho**2 / 2)


@pytest.mark.parametrize("rho", [-0.5, 0.7])
def test_three_normal_inputs_of_which_two_are_correlated(rho):
    """Iooss and Prieur 2019, section 3.2: X1 is independent of X2 and X3, which are correlated."""
    beta, sd = np.array([1.0, 1.0, 2.0]), np.array([1.0, 0.7, 1.2])
    correlation = np.array([[1, 0, 0], [0, 1, rho], [0, rho, 1]])
    parts = shapley(linear_gaussian(beta, correlation * np.outer(sd, sd)))[:, 0]
    own, cross = beta**2 * sd**2, rho * np.prod((beta * sd)[1:])
    assert parts[0] == pytest.approx(own[0])
    assert parts[1] == pytest.approx(own[1] + cross + rho**2 / 2 * (own[2] - own[1]))
    assert parts[2] == pytest.approx(own[2] + cross + rho**2 / 2 * (own[1] - own[2]))


def test_an_input_that_is_a_copy_shares_equally():
    """Song, Nelson and Staum 2016: with x2 = x1 first-order indices are both 1, totals both 0; Shapley is a half."""
    explained = table_of(lambda members: 1.0 if members else 0.0, 2)
    assert shapley(explained)[:, 0] == pytest.approx([0.5, 0.5])


def test_two_correlated_normal_inputs_on_a_weighted_grid():
    """The same closed form from the grouping itself: a grid of the plane, weighted by the joint density."""
    rho, at = 0.5, np.linspace(-5, 5, 61)
    x, y = (axis.ravel() for axis in np.meshgrid(at, at, indexing="ij"))
    weight = np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2)))
    columns = [axis.ravel() for axis in np.meshgrid(np.arange(61), np.arange(61), indexing="ij")]
    table = Groups(columns, weight / weight.sum(), (x + 2 * y)[:, None], np.zeros(len(x))).table()
    expected = [1 * (1 - rho**2 / 2) + 2 * rho + 4 * rho**2 / 2, 4 * (1 - rho**2 / 2) + 2 * rho + rho**2 / 2]
    assert shapley(table)[:, 0] == pytest.approx(expected, rel=1e-4)  # tails beyond 5 sd, and 61 points for an integral


def by_all_orders(table):
    count = len(table).bit_length() - 1
    parts = np.zeros(count)
    orders = list(permutations(range(count)))
    for order in orders:
        mask = 0
        for i in order:
            parts[i] += table[mask | 1 << i, 0] - table[mask, 0]
            mask |= 1 << i
    return parts / len(orders)


def conditional_variance(columns, values, members):
    """V(E[f | x_S]) over the rows, group by group."""
    groups = {}
    for row, value in zip(zip(*columns, strict=True), values, strict=True):
        groups.setdefault(tuple(row[i] for i in members), []).append(value)
    return sum(len(g) * (np.mean(g) - np.mean(values)) ** 2 for g in groups.values()) / len(values)


rows_of = st.integers(0, 10**6).map(np.random.default_rng)


@settings(max_examples=30, deadline=None)
@given(rows_of, st.integers(2, 4), st.integers(3, 20))
def test_any_arrangement_of_universes_by_all_orders(rng, factors, rows):
    columns = [np.unique(rng.integers(0, 3, rows), return_inverse=True)[1] for _ in range(factors)]
    values = rng.normal(size=rows)
    groups = Groups(columns, np.full(rows, 1 / rows), values[:, None], np.zeros(rows))
    table = groups.table()
    expected = table_of(lambda members: conditional_variance(columns, values, members), factors)
    assert np.allclose(table, expected, atol=1e-12)
    parts = shapley(table)[:, 0]
    assert parts == pytest.approx(by_all_orders(expected), abs=1e-12)
    assert parts.sum() == pytest.approx(table[-1, 0])  # efficiency
    assert (parts > -1e-12).all()  # more factors never explain less
    order = rng.permutation(factors)
    masks = np.cumsum([0, *(1 << order)])
    assert np.allclose(groups.walk(order.tolist()), table[masks])


@settings(max_examples=20, deadline=None)
@given(rows_of)
def test_the_same_column_twice_has_the_same_part_and_a_constant_none(rng):
    rows = 12
    one, other = rng.integers(0, 3, rows), rng.integers(0, 2, rows)
    columns = [np.unique(c, return_inverse=True)[1] for c in (one, other, one, np.zeros(rows, int))]
    values = rng.normal(size=rows)
    parts = shapley(Groups(columns, np.full(rows, 1 / rows), values[:, None], np.zeros(rows)).table())[:, 0]
    assert parts[0] == pytest.approx(parts[2])  # symmetry
    assert parts[3] == pytest.approx(0.0, abs=1e-12)  # dummy


@settings(max_examples=20, deadline=None)
@given(rows_of, st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_the_grid_and_the_groups_agree(rng, options):
    rows = int(np.prod(options))
    order = rng.permutation(rows)
    columns = [c[order] for c in np.unravel_index(np.arange(rows), options)]
    values, noise = rng.normal(size=(rows, 2)), rng.uniform(size=rows)
    table, part = explained_on_grid(columns, options, values)
    groups = Groups(columns, np.full(rows, 1 / rows), values, noise).table()
    assert np.allclose(table[:, 0] - part * noise.mean(), groups[:, 0], atol=1e-12)
    assert np.allclose(table[:, 1] - 2 * part * noise.mean(), groups[:, 1], atol=1e-12)


def test_random_orders_come_near_with_the_error_they_tell():
    rng = np.random.default_rng(4)
    rows, factors = 300, 9
    columns = [rng.integers(0, k, rows) for k in (2, 3, 2, 4, 2, 3, 2, 2, 3)]
    groups = Groups(columns, np.full(rows, 1 / rows), rng.normal(size=(rows, 1)), np.zeros(rows))
    exact = shapley(groups.table())[:, 0]
    found = by_permutations(groups.walk, factors, 200, seed=1)
    assert (np.abs(found.parts[:, 0] - exact) < 4 * found.error).all()
    assert found.parts.sum() == pytest.approx(exact.sum())
    again = by_permutations(groups.walk, factors, 200, seed=1)
    assert np.array_equal(found.parts, again.parts)


def interaction_by_hand(table, i, j):
    """Over all orders in which i and j come next to each other."""
    count = len(table).bit_length() - 1
    rest = [k for k in range(count) if k not in (i, j)]
    found = []
    for order in permutations([*rest, "both"]):
        mask = sum(1 << k for k in order[: order.index("both")])
        one, other = mask | 1 << i, mask | 1 << j
        found.append(table[one | other, 0] - table[one, 0] - table[other, 0] + table[mask, 0])
    return np.mean(found)


@settings(max_examples=20, deadline=None)
@given(rows_of, st.integers(2, 4))
def test_interactions_of_any_table(rng, factors):
    table = rng.normal(size=(1 << factors, 1))
    table[0] = 0
    found = interactions(table)[:, 0]
    for value, (i, j) in zip(found, combinations(range(factors), 2), strict=True):
        assert value == pytest.approx(interaction_by_hand(table, i, j))

"""What is told of rows in groups: near to the truth, the same in any order, and nothing of rows that do not count."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from multiverse.engines.amortized.estimates import DEGREES, ROUNDS, Estimated, estimate
from multiverse.engines.amortized.own_scales import fitted

GROUPS, ROWS = 60, 900
SLOPES, BETWEEN, WITHIN = np.array([1.5, -0.7, 0.4]), 0.5, 0.8
RANDOM = np.random.default_rng(0)
GROUP = RANDOM.integers(0, GROUPS - 1, ROWS)  # the last group has no rows
OF_GROUPS = RANDOM.normal(size=GROUPS)
X = np.stack([np.ones(ROWS), RANDOM.integers(0, 2, ROWS) - 0.2, OF_GROUPS[GROUP]], axis=1)
EFFECT = BETWEEN * RANDOM.normal(size=GROUPS)
Y = X @ SLOPES + EFFECT[GROUP] + WITHIN * RANDOM.normal(size=ROWS)
RUN = jax.jit(estimate, static_argnames="groups")


def of(y: Any, here: Any = None, order: Any = slice(None), x: Any = X) -> tuple[Estimated, Estimated]:
    here = np.ones(ROWS) if here is None else here
    with jax.enable_x64(False):
        found = RUN(*(np.asarray(a[order], np.float32) for a in (y, x, here)), GROUP[order], groups=GROUPS)
    return jax.tree.map(np.asarray, found)


@pytest.fixture(scope="module")
def plain() -> Estimated:
    return of(Y)[0]


def generalised(within: float, between: float) -> tuple[np.ndarray, np.ndarray]:
    """Generalised least squares with these variances, by the whole covariance: slopes, and their standard errors."""
    covariance = within * np.eye(ROWS) + between * (GROUP[:, None] == GROUP)
    weighed = np.linalg.solve(covariance, X)
    precision = X.T @ weighed
    return np.linalg.solve(precision, weighed.T @ Y), np.sqrt(np.diag(np.linalg.inv(precision)))


def test_slopes_are_those_of_generalised_least_squares(plain: Estimated) -> None:
    """With the variances of the round before, which hardly change any more."""
    slopes, errors = generalised(np.exp(2 * plain.within), np.exp(2 * plain.between))
    assert (np.abs(plain.slopes - slopes) < 0.05 * errors).all()
    assert (np.abs(plain.slopes - SLOPES) < 4 * errors).all()


def test_spreads_are_found_within_their_errors(plain: Estimated) -> None:
    assert abs(plain.within - np.log(WITHIN)) < 4 / np.sqrt(2 * (ROWS - GROUPS))
    assert abs(plain.between - np.log(BETWEEN)) < 4 / np.sqrt(2 * GROUPS) and ROUNDS < 10
    some = plain.size > 0
    np.testing.assert_array_equal(plain.size, np.bincount(GROUP, minlength=GROUPS))
    assert np.corrcoef(plain.effect[some], EFFECT[some])[0, 1] > 0.85


def test_far_rows_move_what_is_held_back_less() -> None:
    far = Y.copy()
    far[::50] += 40.0
    plain, robust = of(far)
    assert plain.slopes[0] - SLOPES[0] > 4 * abs(robust.slopes[0] - SLOPES[0])
    assert robust.within < plain.within - 1
    assert robust.size.max() < (DEGREES + 1) / DEGREES * plain.size.max() + 1e-3


def test_order_does_not_matter_and_rows_that_do_not_count_are_not_seen(plain: Estimated) -> None:
    shuffled = of(Y, order=np.random.default_rng(1).permutation(ROWS))[0]
    for a, b in zip(plain, shuffled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
    here = (np.arange(ROWS) < 700).astype(float)
    strange = np.where(here > 0, Y, np.nan), np.where(here[:, None] > 0, X, np.inf)
    for a, b in zip(of(Y, here)[0], of(strange[0], here, x=strange[1])[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("y", [np.zeros(ROWS), np.full(ROWS, 1e30), np.where(np.arange(ROWS) == 3, 1e12, 0.0)])
def test_what_is_told_is_finite_for_any_data(y: np.ndarray) -> None:
    nobody = np.zeros(ROWS)
    for found in (*of(y), *of(y, nobody)):
        with jax.enable_x64(False):
            assert np.isfinite(found.numbers).all() and np.isfinite(found.told).all()


def test_values_that_some_simulations_know_well_are_fitted_by_these() -> None:
    """Weighted least squares: where sds span two orders of magnitude plain ones are as wrong as the widest allow."""
    random = np.random.default_rng(3)
    x = np.stack([np.ones(4000), random.normal(size=4000), random.uniform(-2.5, 2.5, 4000)], axis=1)
    sd = np.exp(x[:, 2])
    y = (2.0 + 3.0 * x[:, 1] + sd * random.normal(size=4000))[:, None]
    plain, again = (fitted("a", x, y, again=times) for times in (0, 3))
    errors = [np.abs(one["a/middle"][:, 0] - [2.0, 3.0, 0.0])[1] for one in (plain, again)]
    best = 1 / np.sqrt((x[:, 1] ** 2 / sd**2).sum())
    assert errors[1] < 4 * best < errors[0]
    assert again["a/width"][2, 0] == pytest.approx(1.0, abs=0.1)


def test_simulations_of_which_no_number_can_be_told_are_left_out() -> None:
    random = np.random.default_rng(4)
    x = np.stack([np.ones(400), random.normal(size=400)], axis=1)
    y = x @ [[2.0], [3.0]] + random.normal(size=(400, 1))
    strange = np.concatenate([x, [[1.0, np.nan]]]), np.concatenate([y, [[0.0]]])
    for name, value in fitted("a", x, y, again=1).items():
        np.testing.assert_array_equal(fitted("a", *strange, again=1)[name], value)

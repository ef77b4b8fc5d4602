"""Whitening: triangular systems against NumPy, Newton's steps against SciPy, from the truth and from the middle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from multiverse.engines.amortized.whitening import (
    LEAST_CURVATURE,
    Spread,
    White,
    by_newton,
    by_prior,
    cholesky,
    inverse,
    solve,
)
from multiverse.planning.tracing import QUICK_COMPILE


def quick(function: Callable[..., Any]) -> Callable[..., Any]:
    """It runs a few times."""
    return jax.jit(function, compiler_options=dict(QUICK_COMPILE))


SIZE = 4
FACTOR = quick(cholesky)
ROUNDING = 2e-5  # of float32, in a few sums of products

numbers = st.floats(-3, 3, width=32)
matrices = st.lists(numbers, min_size=SIZE**2, max_size=SIZE**2).map(
    lambda x: np.array(x, np.float32).reshape(SIZE, -1)
)


@given(matrices)
@settings(max_examples=50)
def test_of_a_positive_matrix_the_factor_is_cholesky_s(any_matrix: np.ndarray) -> None:
    matrix = any_matrix @ any_matrix.T + np.eye(SIZE, dtype=np.float32)
    np.testing.assert_allclose(FACTOR(matrix), np.linalg.cholesky(matrix), rtol=1e-3, atol=ROUNDING * matrix.max())


@given(matrices)
@settings(max_examples=50)
def test_of_any_symmetric_matrix_it_is_one_of_a_positive_matrix_that_is_no_larger(any_matrix: np.ndarray) -> None:
    """Gill, Murray, Wright: no pivot is too small, and nothing in the factor outgrows the matrix."""
    matrix = any_matrix + any_matrix.T
    lower = np.asarray(FACTOR(matrix))
    assert np.isfinite(lower).all() and (lower == np.tril(lower)).all()
    assert (np.diag(lower) ** 2 >= LEAST_CURVATURE * (1 - ROUNDING)).all()
    bound = max(abs(np.diag(matrix)).max(), abs(matrix).max(), LEAST_CURVATURE)
    assert abs(np.tril(lower, -1)).max() <= np.sqrt(bound) * (1 + 1e-3)
    assert np.linalg.eigvalsh(lower.astype(np.float64) @ lower.T).min() > 0


@pytest.mark.parametrize("matrix", [np.zeros((1, 1)), np.zeros((3, 3)), -np.eye(3), 1e20 * np.eye(3)])
def test_a_density_without_curvature_has_a_scale_all_the_same(matrix: np.ndarray) -> None:
    lower = np.asarray(FACTOR(matrix.astype(np.float32)))
    assert np.isfinite(lower).all() and (np.diag(lower) > 0).all()


def test_triangular_systems_are_solved() -> None:
    source = np.random.default_rng(1)
    lower = np.tril(source.normal(size=(6, 6))) + 3 * np.eye(6)
    vector = source.normal(size=6)
    single = jnp.asarray(lower, jnp.float32)
    np.testing.assert_allclose(quick(inverse)(single), np.linalg.inv(lower), atol=ROUNDING)
    np.testing.assert_allclose(
        quick(solve)(single, jnp.asarray(vector, jnp.float32)), np.linalg.solve(lower @ lower.T, vector), atol=ROUNDING
    )


def test_maps_are_inverse_to_each_other() -> None:
    source = np.random.default_rng(2)
    root = source.normal(size=(3, 3)) + 3 * np.eye(3)
    white = White(source.normal(size=3), root, np.linalg.inv(root), np.linalg.slogdet(root)[1])
    u = source.normal(size=(5, 3))
    np.testing.assert_allclose(white.u(white.z(u)), u, atol=1e-12)
    np.testing.assert_allclose(white.z(u)[2], white.centre + root @ u[2], atol=1e-12)
    prior = by_prior(Spread(np.array([1.0, 2.0]), np.array([3.0, 0.5])))
    np.testing.assert_allclose(prior.z(np.array([1.0, -1.0])), [4.0, 1.5])
    assert float(prior.log_det) == pytest.approx(np.log(1.5))


X = np.random.default_rng(4).normal(size=(60, 2))
WIDTHS = np.array([2.0, 1.0])


def _logistic(z: Any, y: Any) -> Any:
    at = jnp.asarray(X, z.dtype) @ z
    return jnp.logaddexp(0.0, at).sum() - (y * at).sum()


def _poisson(z: Any, y: Any) -> Any:
    at = jnp.asarray(X, z.dtype) @ z
    return jnp.exp(at).sum() - (y * at).sum()


def _student(z: Any, y: Any) -> Any:
    return 2.5 * jnp.log1p(jnp.square(y - jnp.asarray(X, z.dtype) @ z) / 4).sum()


REGRESSIONS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "logistic": (_logistic, lambda source, at: source.uniform(size=60) < 1 / (1 + np.exp(-at))),
    "poisson": (_poisson, lambda source, at: source.poisson(np.exp(at))),
    "student": (_student, lambda source, at: at + source.standard_t(4, size=60)),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_newton_finds_the_mode_and_the_curvature_there(name: str) -> None:
    """Those that SciPy finds in float64; from the truth and from the middle of the prior."""
    loss, simulate = REGRESSIONS[name]
    truth = np.array([0.8, -0.5])
    y = np.asarray(simulate(np.random.default_rng(5), X @ truth), float)

    def density(z: Any) -> Any:
        return loss(z, jnp.asarray(y, z.dtype)) + jnp.square(z / jnp.asarray(WIDTHS, z.dtype)).sum() / 2

    with jax.enable_x64(True):
        both = quick(jax.value_and_grad(density))
        found = minimize(lambda z: [np.asarray(part) for part in both(z)], np.zeros(2), jac=True, tol=1e-10)
        curvature = np.linalg.inv(quick(jax.hessian(density))(found.x))
    spread = Spread(np.zeros(2, np.float32), WIDTHS.astype(np.float32))
    steps = quick(lambda at: (by_newton(density, spread, at), by_newton(density, spread)))
    for white in steps(truth.astype(np.float32)):
        sds = np.sqrt(np.diag(curvature))
        assert (abs(np.asarray(white.centre) - found.x) < 1e-3 * sds).all()
        root = np.asarray(white.root, np.float64)
        np.testing.assert_allclose(root @ root.T, curvature, rtol=2e-3, atol=1e-4 * sds.max() ** 2)
        assert float(white.log_det) == pytest.approx(np.linalg.slogdet(curvature)[1] / 2, abs=2e-3)
        np.testing.assert_allclose(white.root @ white.precise, np.eye(2), atol=1e-4)


def test_steps_that_meet_no_density_end_where_they_began() -> None:
    spread = Spread(np.zeros(2, np.float32), np.ones(2, np.float32))
    white = quick(lambda spread: by_newton(lambda z: jnp.log(-1.0 - jnp.square(z).sum()), spread))(spread)
    np.testing.assert_array_equal(white.centre, [0.0, 0.0])
    assert all(np.isfinite(part).all() for part in white)


def test_kinks_without_curvature_leave_a_finite_scale() -> None:
    """Laplace noise and a Laplace prior: the second derivative is zero wherever there is one."""
    y = jnp.array([0.3, 1.2, -0.5])
    spread = Spread(np.zeros(1, np.float32), np.ones(1, np.float32))
    white = quick(lambda spread: by_newton(lambda z: jnp.abs(z).sum() + jnp.abs(y - z[0]).sum(), spread))(spread)
    assert all(np.isfinite(part).all() for part in white)
    assert 0 < float(white.root[0, 0]) <= LEAST_CURVATURE**-0.5

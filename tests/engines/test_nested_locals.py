"""The locals' linear algebra against NumPy's, and Newton's method where it would leap away."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from multiverse.engines.nested.locals import Blocks, curved, log_det, settle, whitening


@pytest.mark.parametrize("width", [1, 3, 6])
def test_whitening_is_the_root_of_the_inverse(width: int) -> None:
    random = np.random.default_rng(width).standard_normal((4, width, 2 * width))
    hessian = random @ random.swapaxes(1, 2)
    with jax.enable_x64(True):
        blocks = Blocks(np.arange(4 * width).reshape(4, width), 4 * width)
        white, log_size = jax.jit(lambda h: (whitening(h), log_det(whitening(h), blocks)))(hessian)
    white = np.asarray(white)
    np.testing.assert_allclose(white.swapaxes(1, 2) @ white, np.linalg.inv(hessian), rtol=1e-9)
    np.testing.assert_allclose(white, np.tril(white))
    assert float(log_size) == pytest.approx(np.linalg.slogdet(hessian)[1].sum())


def test_blocks_are_cut_and_joined_and_their_hessians_found_together() -> None:
    matrix = np.array([[3.0, 0, 1, 0, 0], [0, 2, 0, 0, 0], [1, 0, 4, 0, 0], [0, 0, 0, 5, 2], [0, 0, 0, 2, 6]])
    blocks = Blocks(np.array([[0, 2], [1, 5], [3, 4]]), 5)
    at = np.arange(5.0)
    np.testing.assert_array_equal(blocks.join(blocks.cut(jnp.asarray(at))), at)
    found = curved(lambda x: jnp.asarray(matrix) @ x, jnp.asarray(at), blocks)
    np.testing.assert_allclose(found.gradient, [[2, 8], [2, 0], [23, 30]])
    np.testing.assert_allclose(found.hessian, [[[3, 1], [1, 4]], [[2, 0], [0, 1]], [[5, 2], [2, 6]]])


def test_what_blocks_are_filled_up_with_is_in_no_density() -> None:
    """Locals with a precision of 1e6: the floor of the whitening is far above the 1 of the filled place."""
    blocks = Blocks(np.array([[0, 1], [2, 3]]), 3)
    with jax.enable_x64(True):
        hessian = curved(lambda x: 1e6 * x, jnp.zeros(3), blocks).hessian
        assert float(log_det(whitening(hessian), blocks)) == pytest.approx(3 * np.log(1e6))


def test_newton_does_not_leap_away_from_a_t_likelihood() -> None:
    """Far out the potential of a Student-t is concave, and a plain Newton step leads further out."""
    centre = jnp.array([0.0, 3.0, -40.0, 1e3])

    def potential(x: jax.Array) -> jax.Array:
        return (2.5 * jnp.log1p((x - centre) ** 2 / 4) + 1e-4 * (x - centre) ** 2).sum()

    blocks = Blocks(np.arange(4)[:, None], 4)
    with jax.enable_x64(True):
        found = jax.jit(lambda x: settle(jax.grad(potential), x, blocks, looks=60, within=1e-3))(np.zeros(4))
    np.testing.assert_allclose(found.at, centre, atol=1e-4)
    assert not found.short


def test_one_look_answers_a_quadratic() -> None:
    matrix = np.array([[3.0, 1, 0], [1, 4, 0], [0, 0, 5]])
    blocks = Blocks(np.array([[0, 1], [2, 3]]), 3)
    with jax.enable_x64(True):
        start = np.array([1.0, -1.0, 0.5])
        found = jax.jit(lambda x: settle(lambda x: jnp.asarray(matrix) @ x, x, blocks, looks=1, within=0.0))(start)
    np.testing.assert_allclose(found.at, 0.0, atol=1e-12)

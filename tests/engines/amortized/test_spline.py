"""Rational-quadratic splines: monotone, undone by their inverse, with the slope that they tell."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.engines.amortized import spline
from multiverse.engines.amortized.spline import BOX, PARAMETERS

bend, unbend = jax.jit(spline.bend), jax.jit(spline.unbend)
slope_of = jax.jit(jax.vmap(jax.grad(lambda raw, x: spline.bend(raw, x)[0], argnums=1), in_axes=(None, 0)))

ROUNDING = 1e-5  # of coordinates up to 7.5 in float32, after ten operations


def parameters(seed: int, spread: float = 1.5) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (1, PARAMETERS)).astype(np.float32)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_what_is_bent_is_unbent(seed: int) -> None:
    """In float64, so that the algebra is judged: where a spline is flat, rounding of float32 is 1e-4 and more."""
    with jax.enable_x64(True):
        raw, x = parameters(seed).astype(np.float64), np.linspace(-1.5 * BOX, 1.5 * BOX, 201)
        assert np.abs(unbend(raw, bend(raw, x)[0]) - x).max() < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_it_rises_everywhere_and_is_the_identity_outside(seed: int) -> None:
    x = np.linspace(-1.5 * BOX, 1.5 * BOX, 2001, dtype=np.float32)
    y = np.asarray(bend(parameters(seed), x)[0])
    assert (np.diff(y) > 0).all()
    outside = np.abs(x) >= BOX
    assert (y[outside] == x[outside]).all()
    assert np.abs(y - x).max() > 0.1  # and bends


@pytest.mark.parametrize("seed", range(3))
def test_its_slope_is_the_derivative(seed: int) -> None:
    with jax.enable_x64(True):
        raw = parameters(seed).astype(np.float64)
        x = np.random.default_rng(seed).uniform(-1.2 * BOX, 1.2 * BOX, 50)
        slope = slope_of(raw[0], x)
        np.testing.assert_allclose(np.exp(bend(raw, x)[1]), slope, rtol=1e-9)


def test_zeros_bend_nothing() -> None:
    x = np.linspace(-1.5 * BOX, 1.5 * BOX, 101, dtype=np.float32)
    y, log_slope = bend(np.zeros((1, PARAMETERS), np.float32), x)
    np.testing.assert_allclose(y, x, atol=ROUNDING)
    np.testing.assert_allclose(log_slope, 0.0, atol=ROUNDING)

"""The network is a density: it integrates to 1, its draws follow it, and it is a known Student-t where told to be."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from multiverse.engines.amortized.network import Flow, Inputs, Shape
from multiverse.engines.amortized.student import DF
from multiverse.planning.tracing import QUICK_COMPILE

SMALL = {"width": 8, "conditioner": 6, "couplings": 3}


def rough(flow: Flow, seed: int = 1, spread: float = 0.4) -> dict[str, Any]:
    """Weights of a network that has learnt something odd."""
    random = np.random.default_rng(seed)
    return {
        name: (array + random.normal(0, spread, array.shape)).astype(np.float32)
        for name, array in flow.start(seed).items()
    }


def quick(function: Any, **more: Any) -> Any:
    return jax.jit(function, compiler_options=dict(QUICK_COMPILE), **more)


def one(flow: Flow, seed: int = 0) -> Inputs:
    return Inputs(np.random.default_rng(seed).normal(size=flow.shape.plain).astype(np.float32))


def flow_of(dimension: int, kind: str = "affine", members: int = 1, **more: int) -> Flow:
    return Flow(Shape(dimension, 3, kind=kind, members=members, **(SMALL | more)))


def test_in_one_dimension_it_integrates_to_1_and_draws_follow_it() -> None:
    flow = flow_of(1, members=2)
    weights, inputs = rough(flow), one(flow)
    x = np.sinh(np.linspace(-12, 12, 20_001))
    draws, member = quick(flow.draw, static_argnums=3)(weights, inputs, jax.random.key(3), 4000)
    for k, log_density in enumerate(quick(flow.log_mixture)(weights, inputs, x[:, None].astype(np.float32))[1]):
        density = np.exp(np.asarray(log_density, np.float64))
        assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-4)
        below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
        mine = np.asarray(draws)[np.asarray(member) == k, 0]
        assert stats.kstest(np.interp(mine, x, below), "uniform").pvalue > 1e-4  # the key is fixed


@pytest.mark.parametrize("kind", ["affine", "spline"])
def test_in_two_dimensions_it_integrates_to_1(kind: str) -> None:
    flow = flow_of(2, kind)
    side = np.sinh(np.linspace(-6, 6, 801))
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    log_density = quick(flow.log_mixture)(rough(flow, spread=0.2), one(flow), grid)[0]
    density = np.exp(np.asarray(log_density, np.float64)).reshape(801, 801)
    assert np.trapezoid(np.trapezoid(density, side, axis=1), side) == pytest.approx(1, abs=1e-3)  # the grid's error


@pytest.mark.parametrize(("dimension", "kind"), [(3, "spline"), (5, "affine")])
def test_the_two_directions_agree(dimension: int, kind: str) -> None:
    """Up from the base and down again; what it gains on the way is the log determinant of the derivative."""
    flow = flow_of(dimension, kind, couplings=6)
    weights = {name: array[0] for name, array in rough(flow, spread=0.1).items()}
    inputs = Inputs(one(flow).plain[None])
    x = np.random.default_rng(2).normal(size=(300, dimension)).astype(np.float32)

    def both(x: Any) -> Any:
        seen = flow._see(weights, inputs)
        u = flow._up(weights, seen, x)
        slope = jax.vmap(jax.jacfwd(lambda u: flow._down(weights, seen, u[None])[0][0]))(u[:20])
        return u, *flow._down(weights, seen, u), slope

    u, back, gained, slope = quick(both)(x)
    assert np.abs(u - x).max() > 0.3  # it does bend
    np.testing.assert_allclose(back, x, atol=1e-5)
    np.testing.assert_allclose(gained[:20], np.linalg.slogdet(slope)[1], atol=1e-5)


def student_weights(flow: Flow, mean: np.ndarray, whiten: np.ndarray) -> dict[str, Any]:
    """Weights that make every member a Student-t: x = whiten (u - mean) is standard in the base's order."""
    d = flow.shape.dimension
    weights = flow.start(0)
    scale = np.diag(whiten)
    bias = weights["head/bias"]
    bias[:, :d] = 50 * np.arctanh(mean / 50)
    bias[:, d : 2 * d] = 8 * np.arctanh(np.log(scale) / 8)
    bias[:, 2 * d : -1] = (20 * np.arctanh((whiten / scale[:, None] - np.eye(d)) / 20)).ravel()
    return weights


def test_a_known_student_t() -> None:
    """The log density is SciPy's, and the draws have its mean and covariance."""
    flow = flow_of(3)
    mean, whiten = np.array([1.0, -2.0, 0.5]), np.array([[2.0, 0, 0], [0.7, 0.5, 0], [-0.4, 1.0, 1.5]])
    weights = student_weights(flow, mean, whiten)
    order = np.linalg.multi_dot(flow._mixings)  # u @ order is in the base's order
    cover = np.linalg.inv(whiten.T @ whiten)
    draws, _ = quick(flow.draw, static_argnums=3)(weights, one(flow), jax.random.key(0), 20_000)
    base = np.asarray(draws, np.float64) @ order
    known = stats.multivariate_t(mean, cover, df=DF)
    found, _ = quick(flow.log_mixture)(weights, one(flow), draws)
    np.testing.assert_allclose(found[:500], known.logpdf(base[:500]), atol=2e-5)
    error = np.sqrt(np.diag(cover) * DF / (DF - 2) / len(base))
    assert (np.abs(base.mean(axis=0) - mean) < 4 * error).all()
    radius = ((base - mean) @ whiten.T) ** 2
    assert stats.kstest(radius.sum(axis=1) / 3, stats.f(3, DF).cdf).pvalue > 1e-4
    white = (base - mean) @ whiten.T
    for i, j in ((0, 1), (0, 2), (1, 2)):
        products = white[:, i] * white[:, j]
        assert abs(products.mean()) < 4 * products.std() / math.sqrt(len(products))


def test_a_network_starts_as_the_same_t_for_all_inputs() -> None:
    flow = flow_of(4, members=3)
    u = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    inputs = Inputs(np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32))
    each = quick(flow.log_density)(flow.start(7), inputs, u)
    expected = stats.multivariate_t(np.zeros(4), np.eye(4), df=DF).logpdf(u)
    np.testing.assert_allclose(each, np.tile(expected, (3, 1)), atol=1e-5)


def test_members_are_independent_and_take_turns() -> None:
    flow = flow_of(2, members=3)
    start = flow.start(5)
    kernel = start["trunk/0/kernel"]
    assert abs(np.corrcoef(kernel.reshape(3, -1))[np.triu_indices(3, 1)]).max() < 0.6
    weights, inputs = rough(flow), one(flow)

    def see(key: Any) -> Any:
        draws, member = flow.draw(weights, inputs, key, 100)
        own = flow.log_density(weights, Inputs(jnp.tile(inputs.plain, (100, 1))), draws)
        return member, *flow.log_mixture(weights, inputs, draws), own

    member, mixture, each, own = quick(see)(jax.random.key(0))
    assert member[:7].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert np.bincount(member).tolist() == [34, 33, 33]
    np.testing.assert_allclose(mixture, np.log(np.exp(each).mean(axis=0)), rtol=1e-5)
    np.testing.assert_allclose(each, own, rtol=1e-5)


@pytest.mark.parametrize(("dimension", "kind"), [(1, "spline"), (3, "affine")])
def test_it_stays_in_float32_under_float64(dimension: int, kind: str) -> None:
    flow = flow_of(dimension, kind, members=2)
    weights, inputs = rough(flow), one(flow)

    def see(weights: Any, inputs: Inputs, key: Any) -> Any:
        u, member = flow.draw(weights, inputs, key, 20)
        return u, flow.log_mixture(weights, inputs, u)

    plain = quick(see)(weights, inputs, jax.random.key(1))
    with jax.enable_x64(True):
        program = quick(see).lower(weights, inputs, jax.random.key(1))
        double = program.compile()(weights, inputs, jax.random.key(1))
    text = program.as_text()
    assert not re.search(r"tensor<[0-9x]+xf64>", text)  # numbers may be: JAX's own bounds of a uniform are
    assert "lapack" not in text and "custom_call" not in text
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(double), strict=True):
        assert a.dtype == b.dtype == jnp.float32
        np.testing.assert_array_equal(a, b)


def test_it_can_be_mapped_over_universes() -> None:
    """A universe has the same draws in a block of one, under map and under vmap, but for rounding."""
    flow = flow_of(3, members=2)
    weights = rough(flow, spread=0.2)
    plain = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    keys = jax.random.split(jax.random.key(0), 4)

    def universe(of: Any) -> Any:
        u, _ = flow.draw(weights, Inputs(of[0]), of[1], 10)
        return u, flow.log_mixture(weights, Inputs(of[0]), u)[0]

    mapped, lanes = quick(lambda of: (jax.lax.map(universe, of), jax.vmap(universe)(of)))((plain, keys))
    for a, b in zip(mapped, lanes, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_it_never_overflows() -> None:
    flow = flow_of(3, "spline", members=1)
    weights = rough(flow, spread=30.0)
    far = Inputs(np.array([1e30, -1e30, 5.0], np.float32))
    draws, _ = quick(flow.draw, static_argnums=3)(weights, far, jax.random.key(0), 200)
    assert np.isfinite(draws).all()
    log_density, _ = quick(flow.log_mixture)(weights, far, np.full((2, 3), 1e6, np.float32))
    assert np.isfinite(log_density).all()


def test_rows_in_any_order_and_those_left_out_do_not_matter() -> None:
    flow = Flow(Shape(2, 1, rows=2, **SMALL))
    random = np.random.default_rng(0)
    weights, rows = rough(flow), random.normal(size=(1, 6, 2)).astype(np.float32)
    u, plain = random.normal(size=(1, 2)).astype(np.float32), np.ones((1, 1), np.float32)
    kept, see = np.array([[1, 1, 0, 1, 1, 1]], np.float32), quick(flow.log_density)

    def seen(rows: np.ndarray, kept: np.ndarray | None) -> float:
        return float(see(weights, Inputs(plain, rows, kept), u)[0, 0])

    known = seen(rows, kept)
    order = random.permutation(6)
    assert seen(rows[:, order], kept[:, order]) == pytest.approx(known, abs=1e-5)
    spoilt = rows.copy()
    spoilt[:, 2] = np.nan
    assert seen(spoilt, kept) == known
    assert seen(rows[:, kept[0] > 0], None) == pytest.approx(known, abs=1e-5)
    assert abs(seen(rows, None) - known) > 1e-3


def test_keras_on_another_backend_is_told() -> None:
    """In another process, where a Keras that says it runs on something else is there already."""
    script = """
import sys, types
other = types.ModuleType("keras")
other.backend = types.SimpleNamespace(backend=lambda: "torch")
sys.modules["keras"] = other
from multiverse.engines.amortized.keras_backend import keras
from multiverse.errors import MultiverseError
try:
    keras()
except MultiverseError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "'torch'" in told and "export KERAS_BACKEND=jax" in told

"""Where chains start: finite density and gradient, found in bounded tries, alike in any company."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from multiverse.engines.nuts.starts import START_RADIUS, START_TRIES, Start, starting_point, uniform_in_box

DIMENSION = 2
BOX = partial(uniform_in_box(DIMENSION), {})


def bowl(z: Any) -> Any:
    return (z**2).sum() / 2


def narrow(z: Any) -> Any:
    """Finite on a tenth of the box only."""
    return jnp.where(z[0] > 0.8 * START_RADIUS, bowl(z), jnp.inf)


def bad_gradient(z: Any) -> Any:
    """Finite everywhere; its gradient is NaN where the first coordinate is negative."""
    return bowl(z) + jnp.sqrt(jnp.maximum(z[0], 0.0))


def nowhere(z: Any) -> Any:
    return jnp.nan * bowl(z)


def start(potential: Callable[[Any], Any], seed: int = 0) -> Start:
    return jax.tree.map(np.asarray, jax.jit(lambda key: starting_point(potential, key, BOX))(jax.random.key(seed)))


@pytest.mark.parametrize("potential", [bowl, narrow, bad_gradient])
@pytest.mark.parametrize("seed", range(5))
def test_a_start_has_finite_density_and_gradient(potential: Callable[[Any], Any], seed: int) -> None:
    found = start(potential, seed)
    value, gradient = jax.value_and_grad(potential)(jnp.asarray(found.z))
    assert found.found
    assert np.isfinite(found.potential) and np.isfinite(found.gradient).all()
    np.testing.assert_allclose(found.potential, value, rtol=1e-6)
    np.testing.assert_allclose(found.gradient, gradient, rtol=1e-6)
    assert (np.abs(found.z) < START_RADIUS).all()


def test_tries_are_bounded() -> None:
    tried = []
    jax.jit(
        lambda key: starting_point(
            lambda z: jax.debug.callback(tried.append, z[0]) or nowhere(z), key, partial(uniform_in_box(1), {})
        )
    )(jax.random.key(0))
    jax.effects_barrier()
    assert len({float(z) for z in tried}) == START_TRIES
    assert not start(nowhere).found


def test_starts_fill_the_box_uniformly() -> None:
    keys = jax.random.split(jax.random.key(1), 4000)
    z = np.asarray(jax.vmap(lambda key: starting_point(bowl, key, BOX).z)(keys)).ravel()
    sd = START_RADIUS / 3**0.5
    assert abs(z.mean()) < 4 * sd / z.size**0.5
    assert abs(z.std() - sd) < 4 * sd * (0.2 / z.size) ** 0.5  # a uniform's fourth moment: var(s) = 0.2 sd^2 / n
    assert np.abs(z).max() < START_RADIUS < np.abs(z).max() * 1.01


def test_a_start_does_not_depend_on_company() -> None:
    """A lane that never finds a start leaves the starts of the others as they are, bit for bit."""

    def either(hopeless: Any, key: Any) -> Start:
        return starting_point(lambda z: jnp.where(hopeless, jnp.inf, narrow(z)), key, BOX)

    keys = jax.random.split(jax.random.key(2), 4)
    together = jax.jit(jax.vmap(either))
    clean, spoilt = together(jnp.zeros(4, bool), keys), together(jnp.array([False, True, False, False]), keys)
    assert np.asarray(spoilt.found).tolist() == [True, False, True, True]
    for i in (0, 2, 3):
        np.testing.assert_array_equal(clean.z[i], spoilt.z[i])
        np.testing.assert_array_equal(clean.gradient[i], spoilt.gradient[i])

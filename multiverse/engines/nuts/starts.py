"""Where chains start: a point with a finite log joint and gradient, one of the prior or within a box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

START_RADIUS = 2.0  # uniform in (-2, 2) on the unconstrained scale; Stan Reference Manual, 'Initialization'
START_TRIES = 100  # as Stan and NumPyro; then the universe is red with the reason not_finite
UNIFORM: Final = "uniform"
PRIOR: Final = "prior"
STARTS: Final = (UNIFORM, PRIOR)  # what the setting `start` of NUTS may say


class Start(NamedTuple):
    """A starting point, its potential and gradient, and whether they are finite."""

    z: Any  # (dimension,)
    potential: Any  # ()
    gradient: Any  # (dimension,)
    found: Any  # () bool


def uniform_in_box(dimension: int) -> Callable[[Any, Any], Any]:
    """`(leaves, key) -> z (dimension,)`: uniform within `START_RADIUS` of 0 on the unconstrained scale."""
    import jax

    return lambda leaves, key: jax.random.uniform(key, (dimension,), minval=-START_RADIUS, maxval=START_RADIUS)


def starting_point(potential: Callable[[Any], Any], key: Any, draw: Callable[[Any], Any]) -> Start:
    """The first of at most `START_TRIES` random points at which potential and gradient are finite.

    draw: `key -> z (dimension,)`, a random point. Bounded and traceable: under `vmap` all lanes try until the last one
    has found its point.
    """
    import jax
    import jax.numpy as jnp

    def attempt(tries: Any) -> Start:
        z = draw(jax.random.fold_in(key, tries))
        value, gradient = jax.value_and_grad(potential)(z)
        return Start(z, value, gradient, jnp.isfinite(z).all() & jnp.isfinite(value) & jnp.isfinite(gradient).all())

    def again(carry: tuple[Any, Start]) -> Any:
        return ~carry[1].found & (carry[0] < START_TRIES)

    # The loop makes the first attempt too, so that the gradient is compiled once.
    zero = jnp.zeros(jax.eval_shape(draw, key).shape)
    nothing = Start(zero, jnp.zeros(()), zero, jnp.zeros((), bool))
    return jax.lax.while_loop(again, lambda carry: (carry[0] + 1, attempt(carry[0])), (0, nothing))[1]

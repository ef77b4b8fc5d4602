"""Adam with a falling learning rate, on arrays by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

CLIP: Final = 5.0  # norm of a gradient at most; as the package sbi trains (Tejero-Cantero et al. 2020, JOSS 5(52))


def adam(rate: float, steps: int, final: float) -> Callable[[Any, Any, Any, Any], tuple[Any, Any]]:
    """(gradient, weights, (slope, square), step) -> weights and (slope, square) after a step of one network.

    rate: falls as a cosine to `final` of it over `steps`. A gradient that is not finite moves nothing.
    """
    import jax
    import jax.numpy as jnp

    def update(gradient: Any, weights: Any, state: Any, step: Any) -> tuple[Any, Any]:
        norm = jnp.sqrt(sum((part**2).sum() for part in jax.tree.leaves(gradient)))
        finite = jnp.isfinite(norm)
        scale = jnp.minimum(1.0, CLIP / jnp.maximum(norm, CLIP))
        done = jnp.minimum(step.astype(jnp.float32) / steps, 1.0)
        now = rate * (final + (1 - final) * (1 + jnp.cos(jnp.pi * done)) / 2)
        count = step.astype(jnp.float32) + 1
        size = now * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)

        def one(g: Any, w: Any, m: Any, v: Any) -> Any:
            new_m, new_v = 0.9 * m + 0.1 * scale * g, 0.999 * v + 0.001 * (scale * g) ** 2
            new_w = w - size * new_m / (jnp.sqrt(new_v) + 1e-7)
            return tuple(jnp.where(finite, new, old) for new, old in ((new_w, w), (new_m, m), (new_v, v)))

        moved = {name: one(gradient[name], weights[name], state[0][name], state[1][name]) for name in weights}
        w, m, v = ({name: three[i] for name, three in moved.items()} for i in range(3))
        return w, (m, v)

    return update

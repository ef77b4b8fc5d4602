"""Two moons: two parameters whose posterior is two crescents, from a simulator that needs no density.

Task T.8 of Lueckmann, Boelts, Greenberg, Gonçalves, Macke 2021, AISTATS, arXiv:2101.04653; first in Greenberg,
Nonnenmacher, Macke 2019, ICML, arXiv:1905.07488.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

DIMENSION: Final = 2
RADIUS, WIDTH, OFFSET = 0.1, 0.01, 0.25  # of the crescent: its mean radius, the sd of it, how far right it lies
ROOT: Final = float(np.sqrt(0.5))  # cos and sin of 45 degrees

PRIOR: Final = {"theta": dist.Uniform(-1, 1).expand([DIMENSION]).to_event(1)}


def simulate(key: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A point of a crescent, moved by the parameters: `x`, (2,)."""
    of_angle, of_radius = jax.random.split(key)
    angle = jax.random.uniform(of_angle, minval=-jnp.pi / 2, maxval=jnp.pi / 2)
    radius = RADIUS + WIDTH * jax.random.normal(of_radius)
    first, second = parameters["theta"]
    moved = jnp.stack([-jnp.abs(first + second), second - first]) * ROOT
    return {"x": jnp.stack([radius * jnp.cos(angle) + OFFSET, radius * jnp.sin(angle)]) + moved}


def reference(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (count, 2) from the exact posterior given x (2,).

    The prior is flat and the parameters are a rotation of (z0, z1), so a point of the crescent says what (|z0|, z1)
    were; the sign of z0 is free. What falls outside of the prior is refused, and so is a negative |z0|, which the
    benchmark's own sampler lets pass; it happens only where x[0] > 0.25, in none of its ten observations.
    """
    found = np.empty((0, DIMENSION))
    while len(found) < count:
        angle = rng.uniform(-np.pi / 2, np.pi / 2, count)
        radius = rng.normal(RADIUS, WIDTH, count)
        apart = radius * np.cos(angle) + OFFSET - x[0]
        z0, z1 = rng.choice([-1.0, 1.0], count) * apart, x[1] - radius * np.sin(angle)
        theta = np.column_stack([z0 - z1, z0 + z1]) * ROOT
        found = np.concatenate([found, theta[(apart >= 0) & (np.abs(theta) <= 1).all(axis=1)]])
    return found[:count]

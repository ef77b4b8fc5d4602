"""The multivariate Student-t at the base of the network: x = shape (z - mean) is standard, shape lower triangular.

shape = diag(exp(log_scale)) (1 + shear). Triangular systems are solved by hand, without LAPACK.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.clamp import clamp

DF: Final = 12.0  # degrees of freedom where the network says 0: tails that cost little where they are not needed
LOG_DF: Final = 1.75  # and at most as far from it, in logs: from 2.1 to 69; a t of 69 is a normal for weights
ROUNDS: Final = 8  # candidates for each gamma draw. All are refused once in 1e10 (acceptance is 0.95 or more)


def degrees(log_df: Any) -> Any:
    """Degrees of freedom, between 2 and 70, of what the network says."""
    import jax.numpy as jnp

    return DF * jnp.exp(clamp(log_df, LOG_DF))


def log_student(z: Any, mean: Any, log_scale: Any, shear: Any, log_df: Any) -> Any:
    """(n,) log density of z (n, d); mean, log_scale (n or 1, d), shear (n or 1, d, d), log_df (n or 1,)."""
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    d, df = z.shape[1], degrees(log_df)
    apart = z - mean
    x = jnp.exp(log_scale) * (apart + (shear * apart[:, None, :]).sum(axis=2))
    constant = gammaln((df + d) / 2) - gammaln(df / 2) - d / 2 * jnp.log(df * math.pi) + log_scale.sum(axis=1)
    return constant - (df + d) / 2 * jnp.log1p((x**2).sum(axis=1) / df)


def student(key: Any, mean: Any, log_scale: Any, shear: Any, log_df: Any, count: int) -> Any:
    """Draws (count, d); mean, log_scale (d,), shear (d, d), log_df ()."""
    import jax
    import jax.numpy as jnp

    d, df = mean.shape[0], degrees(log_df)
    of_normals, of_radii = jax.random.split(key)
    radii = jnp.sqrt(df / (2 * _gamma(of_radii, df / 2, count)))
    normals = jax.random.normal(of_normals, (d, count), jnp.float32)
    x = normals * radii * jnp.exp(-log_scale)[:, None]

    def solve(z: Any, row: Any) -> Any:
        i, below, right = row
        return z.at[i].set(right - (below[:, None] * z).sum(axis=0)), None

    z, _ = jax.lax.scan(solve, jnp.zeros_like(x), (np.arange(d, dtype=np.int32), shear, x))
    return z.T + mean


def _gamma(key: Any, shape: Any, count: int) -> Any:
    """Draws (count,) of a gamma of a shape of at least 1.

    The first candidate that is accepted, of a fixed number: without a loop whose length hangs on the slowest draw.
    Source: Marsaglia and Tsang 2000, ACM Transactions on Mathematical Software 26(3).
    """
    import jax
    import jax.numpy as jnp

    of_normals, of_uniforms = jax.random.split(key)
    d = shape - 1 / 3
    x = jax.random.normal(of_normals, (ROUNDS, count), jnp.float32)
    uniform = jax.random.uniform(of_uniforms, (ROUNDS, count), jnp.float32, minval=np.finfo(np.float32).tiny)
    v = (1 + x / jnp.sqrt(9 * d)) ** 3
    positive = v > 0
    safe = jnp.where(positive, v, 1.0)
    accepted = positive & (jnp.log(uniform) < x**2 / 2 + d - d * safe + d * jnp.log(safe))
    drawn = safe[-1]
    for round in reversed(range(ROUNDS - 1)):
        drawn = jnp.where(accepted[round], safe[round], drawn)
    return d * drawn

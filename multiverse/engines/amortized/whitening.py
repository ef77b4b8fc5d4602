"""Coordinates in which posteriors of any place and width look alike: what the network learns is left over there.

Posterior widths of a space span orders of magnitude, and a network should not have to learn them: whitening is worth
more than any choice of network (docs/adr/0019-amortized.md). A few damped Newton steps lead towards the mode of the log
joint; where they end and the curvature there are a location and a scale. They need not have converged: the same steps
are taken of the same data when a universe is answered, and the draws are weighed by the exact log joint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

STEPS: Final = 8  # of Newton from the truth; after 4 the mode is 1e-4 posterior sd away (docs/adr/0019-amortized.md)
STEPS_ANSWERED: Final = 50  # from the middle of the prior; Levenberg-Marquardt from far takes 10 to 40
DAMPING: Final = 0.1  # of the first step, in units of the curvature of the prior; Marquardt 1963, doi:10.1137/0111030
EASIER: Final = 0.25  # times the damping after a step that leads down; as Marquardt 1963 has it, who takes 0.1
HARDER: Final = 6.0  # times the damping after one that does not; Marquardt takes 10
LONGEST_STEP: Final = 2.0  # in units of the prior's spread: no step leaves its reach at once
LEAST_CURVATURE: Final = 0.25  # of that of the prior draws: no scale is more than twice their spread


class White(NamedTuple):
    """A map `z = centre + root u` of one universe with its data, and its inverse `u = precise (z - centre)`.

    centre: (dimension,). root, precise: (dimension, dimension), inverse to each other. log_det: of root.
    """

    centre: Any
    root: Any
    precise: Any
    log_det: Any

    def u(self, z: Any) -> Any:
        """Draws (..., dimension) in whitened coordinates."""
        return ((z - self.centre)[..., None, :] * self.precise).sum(-1)

    def z(self, u: Any) -> Any:
        """Draws (..., dimension) on the unconstrained scale."""
        return self.centre + (u[..., None, :] * self.root).sum(-1)


class Spread(NamedTuple):
    """Where prior draws of a family are, all universes together: centre and scale, (dimension,) each."""

    centre: Any
    scale: Any


def by_prior(spread: Spread) -> White:
    """Whitening by the prior alone: for models without a density, and for latents too many for a Hessian."""
    import jax.numpy as jnp

    return White(
        jnp.asarray(spread.centre), jnp.diag(spread.scale), jnp.diag(1 / spread.scale), jnp.log(spread.scale).sum()
    )


def by_newton(potential: Callable[[Any], Any], spread: Spread, truth: Any = None) -> White:
    """Whitening by damped Newton steps. Traceable; potential: `z (dimension,) -> ()`.

    truth: the parameters (dimension,) that data were simulated from, where to start; else the middle of the prior.
    """
    import jax
    import jax.numpy as jnp

    def density(at: Any) -> Any:  # `at`: in units of the prior's spread
        return potential(spread.centre + spread.scale * at)

    slope = jax.grad(density)

    def looked(at: Any) -> tuple[Any, Any]:
        return slope(at), jax.jacfwd(slope)(at)

    def step(carry: tuple[Any, Any, Any, Any, Any], _: None) -> tuple[tuple[Any, Any, Any, Any, Any], None]:
        at, value, gradient, hessian, damping = carry
        reach = solve(cholesky(hessian + damping * jnp.eye(len(at), dtype=at.dtype)), gradient)
        there = at - reach / jnp.maximum(jnp.sqrt(jnp.square(reach).sum()) / LONGEST_STEP, 1.0)
        new = density(there)
        better = new < value  # also False where it is not a number
        kept = jax.tree.map(
            lambda a, b: jnp.where(better, a, b), (there, new, *looked(there)), (at, value, gradient, hessian)
        )
        return (*kept, jnp.where(better, damping * EASIER, damping * HARDER)), None

    at = jnp.zeros_like(spread.centre) if truth is None else (truth - spread.centre) / spread.scale
    start = (at, density(at), *looked(at), jnp.asarray(DAMPING, at.dtype))
    (at, _, _, hessian, _), _ = jax.lax.scan(step, start, length=STEPS_ANSWERED if truth is None else STEPS)
    lower = cholesky(jnp.where(jnp.isfinite(hessian), hessian, jnp.eye(len(at), dtype=at.dtype)))
    log_det = jnp.log(spread.scale).sum() - jnp.log(jnp.diag(lower)).sum()
    return White(
        spread.centre + spread.scale * at,
        spread.scale[:, None] * inverse(lower).T,
        lower.T / spread.scale,
        log_det,
    )


# Written out, since XLA calls LAPACK for them on a CPU, and batched LAPACK of two threads at once may not come back.


def cholesky(matrix: Any) -> Any:
    """The lower factor of a symmetric matrix near `matrix`: its own where that is positive enough.

    Pivots are at least `LEAST_CURVATURE`, and no entry of the factor is larger than the matrix asks for.
    Source: Gill, Murray, Wright 1981, Practical optimization, section 4.4.2.2.
    """
    import jax
    import jax.numpy as jnp

    size = len(matrix)
    rows = jnp.arange(size)
    diagonal = jnp.abs(jnp.diag(matrix)).max()
    apart = jnp.abs(matrix * (1 - jnp.eye(size, dtype=matrix.dtype))).max()
    bound = jnp.maximum(jnp.maximum(diagonal, apart / max((size**2 - 1) ** 0.5, 1.0)), LEAST_CURVATURE)

    def column(j: Any, lower: Any) -> Any:
        left = matrix[:, j] - (lower * lower[j]).sum(axis=1)
        below = jnp.where(rows > j, left, 0.0)
        pivot = jnp.sqrt(jnp.maximum(jnp.maximum(left[j], LEAST_CURVATURE), jnp.square(below).max() / bound))
        return lower.at[:, j].set(jnp.where(rows == j, pivot, below / pivot))

    return jax.lax.fori_loop(0, size, column, jnp.zeros_like(matrix))


def inverse(lower: Any) -> Any:
    """The inverse of a lower triangular matrix."""
    import jax
    import jax.numpy as jnp

    unit = jnp.eye(len(lower), dtype=lower.dtype)

    def row(i: Any, found: Any) -> Any:
        return found.at[i].set((unit[i] - (lower[i][:, None] * found).sum(axis=0)) / lower[i, i])

    return jax.lax.fori_loop(0, len(lower), row, jnp.zeros_like(lower))


def solve(lower: Any, vector: Any) -> Any:
    """`x` of `lower lower' x = vector`."""
    import jax
    import jax.numpy as jnp

    size = len(vector)

    def forward(i: Any, y: Any) -> Any:
        return y.at[i].set((vector[i] - (lower[i] * y).sum()) / lower[i, i])

    y = jax.lax.fori_loop(0, size, forward, jnp.zeros_like(vector))

    def backward(number: Any, x: Any) -> Any:
        i = size - 1 - number
        return x.at[i].set((y[i] - (lower[:, i] * x).sum()) / lower[i, i])

    return jax.lax.fori_loop(0, size, backward, jnp.zeros_like(vector))

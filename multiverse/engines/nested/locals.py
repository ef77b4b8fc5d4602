"""The locals given the globals: their blocks' linear algebra, written out by hand, and a safeguarded Newton's method.

A matrix is factored column by column, all blocks at once: XLA's own Cholesky calls LAPACK, which may hang
(`planning.linear_algebra`). Everything here is traced, for one lane; NumPy never sees a local Hessian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

UNROLLED: Final = 4  # columns of a block that are written out one after the other; more are a loop
FLOOR: Final = 1e-4  # of the mean pivot: a local that is flatter is taken to be as flat, so that steps stay finite
REACH: Final = 5.0  # local standard deviations, the first step: a t likelihood is not log-concave, Newton leaps away
NEARLY: Final = 0.1  # standard deviations to go, below which rounding alone may make a step look too long
OVERSHOT: Final = 0.9  # of the slope along a step before it: if more rises after it, the step was too long
ARRIVED: Final = 1e-4  # standard deviations
SHORTER: Final = 0.1  # of a step that was too long, at least


@dataclass(frozen=True)
class Blocks:
    """Locals `(locals,)` as blocks `(block, width)` and back. places: as `Hierarchy.blocks` has them."""

    places: np.ndarray
    locals: int

    @property
    def width(self) -> int:
        """Numbers in a block."""
        return int(self.places.shape[1])

    def cut(self, flat: Any) -> Any:
        """`(..., locals) -> (..., block, width)`, zero where a block is filled up."""
        import jax.numpy as jnp

        if self._in_order:
            return flat.reshape(*flat.shape[:-1], *self.places.shape)
        return jnp.concatenate([flat, jnp.zeros_like(flat[..., :1])], axis=-1)[..., self.places]

    def join(self, cut: Any) -> Any:
        """`(block, width) -> (locals,)`."""
        if self._in_order:
            return cut.reshape(self.locals)
        at = np.argsort(self.places.ravel(), kind="stable")[: self.locals]
        return cut.ravel()[at]

    def tangents(self, dtype: Any) -> np.ndarray:
        """`(width, locals)`: the first number of every block, the second, and so on."""
        full = np.zeros((self.width, self.locals + 1), dtype)
        for column in range(self.width):
            full[column, self.places[:, column]] = 1
        return full[:, : self.locals]

    @property
    def filled(self) -> np.ndarray:
        """`(block, width, width)`: ones on the diagonal where a block is filled up."""
        filled: np.ndarray = np.eye(self.width) * (self.places == self.locals)[:, :, None]
        return filled

    @property
    def _in_order(self) -> bool:
        return np.array_equal(self.places.ravel(), np.arange(self.locals))


class Curved(NamedTuple):
    """What a density does around some locals, in blocks: gradient (block, width), Hessian (block, width, width)."""

    gradient: Any
    hessian: Any


def curved(slope: Callable[[Any], Any], at: Any, blocks: Blocks) -> Curved:
    """Gradient and Hessian by blocks at locals `(locals,)`. slope: the gradient of the potential, traceable.

    One product of the Hessian with a vector for each number of a block, all blocks at once.
    """
    import jax
    import jax.numpy as jnp

    tangents = blocks.tangents(at.dtype)
    if blocks.width == 1:
        gradient, product = jax.jvp(slope, (at,), (jnp.asarray(tangents[0]),))
        return Curved(blocks.cut(gradient), blocks.cut(product)[:, :, None])
    gradient, products = jax.vmap(lambda t: jax.jvp(slope, (at,), (t,)), out_axes=(None, 0))(jnp.asarray(tangents))
    hessian = jnp.moveaxis(blocks.cut(products), 0, -1)
    return Curved(blocks.cut(gradient), hessian + blocks.filled.astype(at.dtype))


def whitening(hessian: Any) -> Any:
    """W `(block, width, width)`, lower triangular, with W'W the inverse of the Hessian, made positive definite.

    Pivots of the factor are taken without their sign, and none below `FLOOR` of the mean diagonal.
    """
    import jax.numpy as jnp

    width = hessian.shape[-1]
    diagonal = jnp.abs(jnp.diagonal(hessian, axis1=-2, axis2=-1))
    least = FLOOR * diagonal.mean() + float(np.finfo(hessian.dtype).tiny)
    if width == 1:
        return 1 / jnp.sqrt(jnp.maximum(jnp.abs(hessian), least))
    row = jnp.arange(width)

    def column(j: Any, rest_and_factor: Any) -> Any:
        rest, factor = rest_and_factor  # rest: what is left of the matrix when columns before j are taken out
        pivot = jnp.sqrt(jnp.maximum(jnp.abs(rest[:, j, j]), least))
        below = jnp.where(row > j, rest[:, :, j] / pivot[:, None], jnp.where(row == j, pivot[:, None], 0.0))
        return rest - below[:, :, None] * below[:, None, :], factor.at[:, :, j].set(below)

    _, factor = _loop(width, column, (hessian, jnp.zeros_like(hessian)))

    def solve(i: Any, inverse: Any) -> Any:
        known = (factor[:, i, :, None] * inverse).sum(axis=1)  # rows from i on are still zero
        return inverse.at[:, i, :].set(((row == i) - known) / factor[:, i, i, None])

    return _loop(width, solve, jnp.zeros_like(hessian))


def _loop(count: int, body: Callable[[Any, Any], Any], start: Any) -> Any:
    import jax

    if count > UNROLLED:
        return jax.lax.fori_loop(0, count, body, start)
    for number in range(count):
        start = body(number, start)
    return start


def times(matrix: Any, vector: Any) -> Any:
    """Matrix times vector, block by block; sums in one order, so a lane has the same bits in any company."""
    return (matrix * vector[:, None, :]).sum(axis=2)


def transposed_times(matrix: Any, vector: Any) -> Any:
    """The same with the matrix transposed."""
    return (matrix * vector[:, :, None]).sum(axis=1)


def log_det(white: Any, blocks: Blocks) -> Any:
    """Log determinant of the Hessian that `whitening` was given, without what blocks are filled up with."""
    import jax.numpy as jnp

    # Where locals are steep the floor of `whitening` lifts the ones that blocks are filled up with.
    real = blocks.places < blocks.locals
    return -2 * jnp.log(jnp.where(real, jnp.diagonal(white, axis1=-2, axis2=-1), 1.0)).sum()


class Settled(NamedTuple):
    """Where Newton's method went: locals `(locals,)` and the whitening of the last Hessian that was looked at.

    short: whether it ended while some block still had further to go than its step may reach, or had gone too far.
    """

    at: Any
    white: Any
    short: Any


def settle(slope: Callable[[Any], Any], start: Any, blocks: Blocks, *, looks: Any, within: float) -> Settled:
    """Newton's method on the locals given the globals, block by block and safeguarded.

    A block's step is at most `REACH` standard deviations long, twice as long after each good step, and shortened where
    the potential rises along it at its end more steeply than it fell before. looks: how often gradient and Hessian are
    computed at most, after each of which a step follows, so one look answers a quadratic. within: it ends where all
    blocks have less than so many standard deviations to go.
    """
    import jax
    import jax.numpy as jnp

    places = blocks.places.shape
    nothing = jnp.zeros(places, start.dtype)

    class Walk(NamedTuple):
        look: Any
        left: Any  # standard deviations, of the block that has most
        short: Any  # whether some block's next step does not lead to where it should
        reach: Any  # (block,) standard deviations of the next step at most
        at: Any  # (block, width)
        step: Any
        length: Any  # (block,) share of the step to be gone
        falls: Any  # (block,) slope along the step before it
        white: Any

    def trial(walk: Walk) -> Any:
        return walk.at + walk.length[:, None] * walk.step

    def advance(walk: Walk) -> Walk:
        there = trial(walk)
        found = curved(slope, blocks.join(there), blocks)
        white = whitening(found.hessian)
        along = times(white, found.gradient)
        size = jnp.sqrt(jnp.square(along).sum(axis=1))
        rises = (found.gradient * walk.step).sum(axis=1)
        # Where a block has arrived, slopes are rounding errors.
        ok = (rises <= OVERSHOT * walk.falls) | (size < ARRIVED)
        # Where the slope along the step is zero if it is linear; a slope that is not a number tells nothing.
        share = jnp.where(jnp.isfinite(rises), walk.falls / jnp.maximum(rises + walk.falls, 1e-30), SHORTER)
        along = along * jnp.minimum(1.0, walk.reach / jnp.maximum(size, 1e-30))[:, None]
        here = ok[:, None]
        return Walk(
            walk.look + 1,
            jnp.where(ok, size, jnp.inf).max(),
            jnp.where(ok, size > walk.reach, walk.falls > NEARLY**2).any(),
            jnp.where(ok, 2 * walk.reach, REACH),
            jnp.where(here, there, walk.at),
            jnp.where(here, -transposed_times(white, along), walk.step),
            jnp.where(ok, 1.0, walk.length * jnp.clip(share, SHORTER, 0.5)),
            jnp.where(ok, size * jnp.minimum(size, walk.reach), walk.falls),
            jnp.where(ok[:, None, None], white, walk.white),
        )

    first = Walk(
        0,
        jnp.asarray(jnp.inf, start.dtype),
        jnp.asarray(True),
        jnp.full(places[0], REACH, start.dtype),
        blocks.cut(start),
        nothing,
        jnp.ones(places[0], start.dtype),
        nothing[:, 0],
        jnp.broadcast_to(jnp.eye(places[1], dtype=start.dtype), (*places, places[1])),
    )
    last = jax.lax.while_loop(lambda walk: (walk.look < looks) & (walk.left > within), advance, first)
    return Settled(blocks.join(trial(last)), last.white, last.short)

"""Monotone rational-quadratic splines with straight tails: what a coupling does to each of its coordinates.

Source: Durkan, Bekasov, Murray and Papamakarios 2019, Neural spline flows, NeurIPS 32; equations 4, 5 and 29 to 32 of
arXiv:1906.04032.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

BINS: Final = 8  # Durkan et al. 2019, section 5.1
BOX: Final = 5.0  # the spline bends within -5 and 5, and is the identity outside: coordinates are about standard
NARROWEST: Final = 0.01  # of the box, a bin at least: steeper ones lose digits in float32
STEEPEST: Final = 3.0  # log of a slope at a knot, at most: Durkan et al. have at least 0.001, which float32 cannot undo

PARAMETERS: Final = 3 * BINS - 1  # of one coordinate: widths, heights, and slopes at the knots inside the box


class _Bin(NamedTuple):
    """The bin of each coordinate: its lower corner, its sides, and slopes at both of its ends."""

    left: Any
    low: Any
    width: Any
    height: Any
    slope: Any
    next_slope: Any


def bend(parameters: Any, x: Any) -> tuple[Any, Any]:
    """Y and log dy/dx, both of the shape of x (..., ); parameters (..., PARAMETERS), where zeros mean y = x."""
    import jax.numpy as jnp

    inside = jnp.clip(x, -BOX, BOX)
    bin = _bin(parameters, inside, of_x=True)
    ratio = bin.height / bin.width
    at = (inside - bin.left) / bin.width
    left = at * (1 - at)
    below = ratio + (bin.next_slope + bin.slope - 2 * ratio) * left
    y = bin.low + bin.height * (ratio * at**2 + bin.slope * left) / below
    rise = bin.next_slope * at**2 + 2 * ratio * left + bin.slope * (1 - at) ** 2
    log_slope = 2 * jnp.log(ratio) + jnp.log(rise) - 2 * jnp.log(below)
    bent = jnp.abs(x) < BOX
    return jnp.where(bent, y, x), jnp.where(bent, log_slope, 0.0)


def unbend(parameters: Any, y: Any) -> Any:
    """The x with bend(parameters, x)[0] = y."""
    import jax.numpy as jnp

    inside = jnp.clip(y, -BOX, BOX)
    bin = _bin(parameters, inside, of_x=False)
    ratio = bin.height / bin.width
    up = inside - bin.low
    curve = up * (bin.next_slope + bin.slope - 2 * ratio)
    a = bin.height * (ratio - bin.slope) + curve
    b = bin.height * bin.slope - curve
    c = -ratio * up
    root = jnp.sqrt(jnp.maximum(b**2 - 4 * a * c, 0.0))
    at = 2 * c / (-b - root)
    return jnp.where(jnp.abs(y) < BOX, bin.left + at * bin.width, y)


def _bin(parameters: Any, at: Any, *, of_x: bool) -> _Bin:
    """The bin in which x, or y, lies. Sums over one-hot bins: gathers are slow, and slower in a gradient."""
    import jax
    import jax.numpy as jnp

    def sides(raw: Any) -> Any:
        return 2 * BOX * (NARROWEST + (1 - BINS * NARROWEST) * jax.nn.softmax(raw, axis=-1))

    def corners(sides: Any) -> Any:
        before = np.triu(np.ones((BINS, BINS), np.float32), 1)
        return jnp.matmul(sides, before, precision="highest") - BOX

    widths, heights = sides(parameters[..., :BINS]), sides(parameters[..., BINS : 2 * BINS])
    lefts, lows = corners(widths), corners(heights)
    inner = jnp.exp(STEEPEST * jnp.tanh(parameters[..., 2 * BINS :] / STEEPEST))
    end = jnp.ones_like(inner[..., :1])
    slopes = jnp.concatenate([end, inner, end], axis=-1)
    reached = at[..., None] >= (lefts if of_x else lows)[..., 1:]
    ahead, behind = jnp.ones_like(reached[..., :1]), jnp.zeros_like(reached[..., :1])
    mine = jnp.concatenate([ahead, reached], axis=-1) & ~jnp.concatenate([reached, behind], axis=-1)

    def pick(values: Any) -> Any:
        return jnp.where(mine, values, 0.0).sum(axis=-1)

    return _Bin(*(pick(v) for v in (lefts, lows, widths, heights, slopes[..., :-1], slopes[..., 1:])))

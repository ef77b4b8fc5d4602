"""Where the prior of one universe puts its latents and its data: middles and scales as functions of its options.

Priors of a space differ in width by orders of magnitude, and a network should not have to learn that. The logarithm of
a distance from the middle is the logarithm of a scale and noise, so both are fitted to simulations by least squares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.whitening import Spread

NORMAL_MEDIAN: Final = 0.6745  # of the distance of a normal from its middle, in sds
RIDGE: Final = 1e-3  # of the number of simulations: columns that do not vary get nothing
RIDGE_WEIGHED: Final = 1e-5  # where values are known to a hundredth of how far they vary
OUTER: Final = 0.005  # share of values in each tail that do not tell the middle: those of heavy tails
REACH: Final = 7.0  # in logarithms: no scale is more than 1,000 times that of all universes together, or less

LATENTS: Final = "own/latents"
DATA: Final = "own/data"
GIVEN: Final = "given"  # begins names of what tells latents of a program from its data


class Own(NamedTuple):
    """spread: of the latents. data: by observed site, middle and scale of each number."""

    spread: Spread
    data: Mapping[str, tuple[Any, Any]]


def powers(context: Any, options: int) -> Any:
    """What middles and logarithms of scales are linear in, (..., term): 1, the context, and squares of its options.

    context: (..., number), with `options` numbers of options last.
    """
    import jax.numpy as jnp

    squares = jnp.square(context[..., context.shape[-1] - options :])
    return jnp.concatenate([jnp.ones((*context.shape[:-1], 1), context.dtype), context, squares], axis=-1)


def crossed(context: Any, options: int, numbers: Any) -> Any:
    """The same with numbers of the data of a universe, their squares, and how they count under each option."""
    import jax.numpy as jnp

    mine = context[..., context.shape[-1] - options :]
    products = (mine[..., :, None] * numbers[..., None, :]).reshape(*context.shape[:-1], -1)
    return jnp.concatenate([powers(context, options), numbers, jnp.square(jnp.arcsinh(numbers)), products], axis=-1)


def fitted(name: str, terms: np.ndarray, values: np.ndarray, again: int = 0) -> dict[str, np.ndarray]:
    """Coefficients by name, of values (simulation, *shape) on terms (simulation, term).

    again: how often middles are fitted once more, where simulations count the less the wider their scale is.
    """
    flat = values.reshape(len(values), -1).astype(np.float64)
    here = np.flatnonzero(np.isfinite(flat).all(axis=1) & np.isfinite(terms).all(axis=1))
    if not here.size:  # nothing to tell: training will count what it leaves out
        here, flat, terms = np.arange(len(flat)), np.zeros_like(flat), np.nan_to_num(terms)
    x, y = terms[here].astype(np.float64), flat[here]
    low, high = np.quantile(y, [OUTER, 1 - OUTER], axis=0)
    middle = _least_squares(x, np.clip(y, low, high))
    apart = np.abs(y - x @ middle)
    whole = np.median(apart, axis=0) / NORMAL_MEDIAN
    whole = np.where(whole > 0, whole, 1.0)
    width = _least_squares(x, np.log(np.maximum(apart / whole, 1e-9)))
    width[0] += np.log(np.maximum(np.median(apart / whole / np.exp(x @ width), axis=0), 1e-9) / NORMAL_MEDIAN)
    for _ in range(again):
        middle = _weighed(x, np.clip(y, low, high), whole * np.exp(np.clip(x @ width, -REACH, REACH)))
        apart = np.abs(y - x @ middle)
        width = _least_squares(x, np.log(np.maximum(apart / whole, 1e-9)), RIDGE_WEIGHED)
        width[0] += np.log(np.maximum(np.median(apart / whole / np.exp(x @ width), axis=0), 1e-9) / NORMAL_MEDIAN)
    found = {"middle": middle, "width": width, "whole": whole}
    return {f"{name}/{part}": value.astype(np.float32) for part, value in found.items()}


def told(name: str, constants: Mapping[str, Any], terms: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Middle and scale, of this shape, of one universe (terms without an axis of universes). Traceable."""
    import jax.numpy as jnp

    middle = (terms[:, None] * constants[f"{name}/middle"]).sum(axis=0)
    width = jnp.clip((terms[:, None] * constants[f"{name}/width"]).sum(axis=0), -REACH, REACH)
    return middle.reshape(shape), (constants[f"{name}/whole"] * jnp.exp(width)).reshape(shape)


def _weighed(x: np.ndarray, y: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Coefficients (term, value), each value's with weights of its own."""
    root = 1 / scale
    root = root / np.sqrt(np.square(root).mean(axis=0))
    pairs = zip(root.T, y.T, strict=True)
    return np.stack([_least_squares(x * one[:, None], value * one, RIDGE_WEIGHED) for one, value in pairs], axis=1)


def _least_squares(x: np.ndarray, y: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    penalty = ridge * len(x) * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    found: np.ndarray = np.linalg.solve(x.T @ x + penalty, x.T @ y)
    return found

"""Where a training stands: what one segment hands to the next, as plain arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.network import Flow, Weights

_PARTS: Final = ("weights", "average", "slope", "square")


class Checkpoint(NamedTuple):
    """A network in training; arrays by name, each with a leading axis of members."""

    weights: Weights
    average: Weights  # of the weights over steps: what to answer with
    optimizer: tuple[Weights, Weights]  # Adam's averages of the gradient, and of its square
    step: int  # steps made
    dropped: int  # simulations so far that were left out, since they were not finite


def begin(flow: Flow, seed: int) -> Checkpoint:
    """A network before its first step."""
    weights = flow.start(seed)
    nothing = {name: np.zeros_like(array) for name, array in weights.items()}
    return Checkpoint(weights, weights, (nothing, nothing), 0, 0)


def to_arrays(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """All of it as NumPy arrays, in the order of their names."""
    parts = dict(zip(_PARTS, (checkpoint.weights, checkpoint.average, *checkpoint.optimizer), strict=True))
    arrays: dict[str, Any] = {f"{part}:{name}": array for part, of in parts.items() for name, array in of.items()}
    arrays |= {"step": np.int64(checkpoint.step), "dropped": np.int64(checkpoint.dropped)}
    return {name: np.asarray(arrays[name]) for name in sorted(arrays)}


def from_arrays(flow: Flow, arrays: Mapping[str, np.ndarray]) -> Checkpoint:
    """The checkpoint that `to_arrays` wrote. Raises ValueError where it is of a network of another shape."""
    expected = {f"{part}:{name}": size for part in _PARTS for name, size in flow.sizes.items()}
    expected |= {"step": (), "dropped": ()}
    found = {name: np.shape(array) for name, array in arrays.items()}
    if found != expected:
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise ValueError(f"this checkpoint is not of {flow.shape}: {', '.join(wrong[:3])}, {len(wrong)} arrays in all")
    weights, average, slope, square = (
        {name: np.asarray(arrays[f"{part}:{name}"]) for name in flow.sizes} for part in _PARTS
    )
    return Checkpoint(weights, average, (slope, square), int(arrays["step"]), int(arrays["dropped"]))

"""Where a training stands: what one segment hands to the next, as plain arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from multiverse.engines.amortized.network import Flow, Weights
from multiverse.engines.amortized.optimizer import optimizer


class Checkpoint(NamedTuple):
    """A network in training; each array has a leading axis of members."""

    weights: Weights
    average: Weights  # of the weights over steps: what to answer with
    optimizer: tuple[Any, ...]  # the optimizer's own variables
    step: int  # steps made
    dropped: int  # simulations so far that were left out, since they were not finite


def begin(flow: Flow, seed: int) -> Checkpoint:
    """A network before its first step."""
    weights, members = flow.start(seed), flow.shape.members
    start, _ = optimizer({name: size[1:] for name, size in flow.sizes.items()}, rate=1.0, steps=1)
    state = tuple(np.repeat(variable[None], members, axis=0) for variable in start)  # no schedule in its shapes
    return Checkpoint(weights, dict(weights), state, 0, 0)


def to_arrays(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """All of it as NumPy arrays, in the order of their names."""
    arrays: dict[str, Any] = {"step": np.int64(checkpoint.step), "dropped": np.int64(checkpoint.dropped)}
    arrays |= {f"weights:{name}": array for name, array in checkpoint.weights.items()}
    arrays |= {f"average:{name}": array for name, array in checkpoint.average.items()}
    arrays |= {f"optimizer:{i:03d}": array for i, array in enumerate(checkpoint.optimizer)}
    return {name: np.asarray(arrays[name]) for name in sorted(arrays)}


def from_arrays(flow: Flow, arrays: Mapping[str, np.ndarray]) -> Checkpoint:
    """The checkpoint that `to_arrays` wrote. Raises ValueError where it is of a network of another shape."""
    blank = to_arrays(begin(flow, 0))
    expected = {name: array.shape for name, array in blank.items()}
    found = {name: np.shape(array) for name, array in arrays.items()}
    if found != expected:
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise ValueError(f"these {len(wrong)} arrays are not those of {flow.shape}: {', '.join(wrong)}")
    weights, average = (
        {name: np.asarray(arrays[f"{part}:{name}"]) for name in flow.sizes} for part in ("weights", "average")
    )
    state = tuple(np.asarray(arrays[name]) for name in blank if name.startswith("optimizer:"))
    return Checkpoint(weights, average, state, int(arrays["step"]), int(arrays["dropped"]))

"""The data sets that a task is answered at, one in each row: our own, or the benchmark's ten from its package."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jax
import numpy as np

COUNT: Final = 10
SEED: Final = 2021  # of our own, by the rule of the benchmark's: parameters from the prior, data from the simulator


def own(prior: Mapping[str, Any], simulate: Callable[..., Mapping[str, Any]]) -> np.ndarray:
    """Ten of our own, (10, dimension of the data)."""

    def one(key: Any) -> Any:
        of_theta, of_x = jax.random.split(key)
        return simulate(of_x, {"theta": prior["theta"].sample(of_theta)})["x"]

    return np.asarray(jax.vmap(one)(jax.random.split(jax.random.key(SEED), COUNT)), np.float64)


def published(task: str, wheel: Path) -> np.ndarray:
    """The benchmark's ten, out of its wheel (`pip download sbibm==1.1.0 --no-deps`).

    Raises KeyError for a wheel that does not have them.
    """
    with zipfile.ZipFile(wheel) as package:
        names = [f"sbibm/tasks/{task}/files/num_observation_{i + 1}/observation.csv" for i in range(COUNT)]
        return np.stack([_row(package.read(name).decode()) for name in names])


def _row(text: str) -> np.ndarray:
    return np.array(text.splitlines()[1].split(","), np.float64)

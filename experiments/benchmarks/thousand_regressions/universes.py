"""The 1,000 universes as plain numbers, which all sides read: nothing here imports a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

ROWS, SLOPES, DROPPED = 100, 4, 10
CHAINS, WARMUP, DRAWS = 4, 300, 300
TRUE_SLOPES = (1.0, 0.5, 0.0, -0.3)

PRIOR_SCALES = tuple(float(s) for s in np.geomspace(0.1, 5.0, 10).round(3))
DEGREES = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0)
DROP_SEEDS = tuple(range(10))  # each drops other rows


class Regression(NamedTuple):
    """One universe: the scale of the slopes' prior, degrees of freedom, and the seed that drops a tenth of the rows."""

    scale: float
    degrees: float
    drop_seed: int


def raw_data() -> dict[str, np.ndarray]:
    """Covariates (100, 4) and outcomes (100,) with Student-t noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, SLOPES))
    return {"x": x, "y": x @ np.array(TRUE_SLOPES) + rng.standard_t(4, size=ROWS)}


def kept_rows(raw: Mapping[str, np.ndarray], drop_seed: int) -> dict[str, np.ndarray]:
    """The data without the tenth of the rows that a seed drops."""
    kept = np.sort(np.random.default_rng(drop_seed).permutation(ROWS)[DROPPED:])
    return {name: column[kept] for name, column in raw.items()}


def some(count: int) -> list[Regression]:
    """`count` universes drawn at random from all of them: what a side that cannot run all is timed on."""
    every = [Regression(s, d, k) for s in PRIOR_SCALES for d in DEGREES for k in DROP_SEEDS]
    return [every[i] for i in np.random.default_rng(1).permutation(len(every))[:count]]

"""Rows of data as a fixed number of numbers, the same in any order of the rows.

Each row goes through a small network, and what comes out is averaged over the rows that count.
Source: Zaheer et al. 2017, Deep sets, NeurIPS 30; theorem 2 of arXiv:1703.06114.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from multiverse.engines.amortized.clamp import clamp
from multiverse.engines.amortized.keras_backend import dense

UNITS: Final = 64  # of the network that each row goes through
POOLED: Final = 32  # numbers that are averaged over rows
SUMMARY: Final = POOLED + 1  # what comes out: these averages, and the logarithm of how many rows there are
LARGEST: Final = 30.0  # a number of a row at most: standard ones are within 5
COUNT_SCALE: Final = 5.0  # log of some 150 rows, so that the count is about as large as the other numbers


class Summary:
    """A network over sets of rows, as a pure function of its weights; width: numbers of a row."""

    def __init__(self, width: int):
        self.sizes: dict[str, tuple[int, int]] = {"rows/0": (width, UNITS), "rows/1": (UNITS, POOLED)}
        self._layers = {name: dense(*size, activation="silu") for name, size in self.sizes.items()}

    def __call__(self, weights: Mapping[str, Any], rows: Any, kept: Any) -> Any:
        """(n, SUMMARY) of rows (n, row, width); kept (n, row): 1 where a row counts, None where all do.

        A row that does not count may hold anything, NaN too.
        """
        import jax.numpy as jnp

        rows = rows.astype(jnp.float32)
        kept = jnp.ones(rows.shape[:2], jnp.float32) if kept is None else kept.astype(jnp.float32)
        x = clamp(jnp.where(kept[..., None] > 0, rows, 0.0), LARGEST)
        for name, layer in self._layers.items():
            x = layer((weights[f"{name}/kernel"], weights[f"{name}/bias"]), x)
        count = kept.sum(axis=1, keepdims=True)
        mean = (x * kept[..., None]).sum(axis=1) / jnp.maximum(count, 1.0)
        return jnp.concatenate([mean, jnp.log1p(count) / COUNT_SCALE], axis=1)

"""Variance shares in a full product of decisions, exactly: functional analysis of variance on the grid of means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Shares(NamedTuple):
    """Shares of the variance between universes for one decision or a set of them.

    main: what its options explain by themselves; total: what is lost when they are fixed, interactions included.
    """

    main: float
    total: float


def is_full_product(columns: Sequence[np.ndarray]) -> bool:
    """Does each combination of the options that occur, occur once? columns: (rows,) codes from 0, -1 where inactive."""
    if any((column < 0).any() for column in columns):
        return False
    rows = np.stack(columns, axis=1) if columns else np.zeros((0, 0))
    cells = np.prod([len(np.unique(column)) for column in columns], dtype=float)
    return len(rows) == cells and len(np.unique(rows, axis=0)) == len(rows)


def grid_variance(values: np.ndarray, noise: float) -> float:
    """Variance of the values less the Monte Carlo part of it; noise: their mean squared Monte Carlo error."""
    return float(values.var() - (1 - 1 / values.size) * noise)


def grid_shares(
    columns: Sequence[np.ndarray], values: np.ndarray, noise: float, sets: Sequence[Sequence[int]]
) -> list[Shares]:
    """Main and total share of each set of decisions, in a full product, Monte Carlo variance taken out.

    columns: (rows,) codes of each decision; values: (rows,); noise: mean of the squared Monte Carlo errors of the
    values; sets: positions in `columns`, treated jointly. main = V(E[f|x_S]) / V, total = 1 - V(E[f|x_rest]) / V =
    E[V(f|x_rest)] / V. A projection of independent errors on r dimensions has the expected mean square r / rows x
    noise: exact here, errors may differ. Source: Sobol' 2001, Math. Comput. Simul. 55:271-280,
    doi:10.1016/S0378-4754(00)00270-6; the total by Homma and Saltelli 1996, doi:10.1016/0951-8320(96)00002-6.
    """
    ranks = [np.unique(column, return_inverse=True) for column in columns]
    varying = [i for i, (options, _) in enumerate(ranks) if len(options) > 1]
    grid = np.empty([len(ranks[i][0]) for i in varying])
    grid[tuple(ranks[i][1] for i in varying)] = values
    variance = grid_variance(values, noise)
    axis = {i: place for place, i in enumerate(varying)}
    return [_share(grid, tuple(axis[i] for i in members if i in axis), variance, noise) for members in sets]


def _share(grid: np.ndarray, own: tuple[int, ...], variance: float, noise: float) -> Shares:
    if not own:
        return Shares(0.0, 0.0)
    cells = int(np.prod([grid.shape[i] for i in own]))
    rest = tuple(i for i in range(grid.ndim) if i not in own)
    main = grid.mean(axis=rest).var() - (cells - 1) / grid.size * noise
    total = grid.var(axis=own).mean() - (1 - 1 / cells) * noise
    return Shares(max(0.0, float(main)) / variance, max(0.0, float(total)) / variance)

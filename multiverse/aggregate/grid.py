"""What each set of decisions explains in a full product, from one transform of the grid of means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def is_full_product(columns: Sequence[np.ndarray], options: Sequence[int]) -> bool:
    """Does each combination of options occur once? columns: (rows,) codes from 0, each of so many options."""
    if not columns or float(np.prod(options, dtype=float)) != len(columns[0]):
        return False
    return len(np.unique(np.ravel_multi_index(list(columns), list(options)))) == len(columns[0])


def explained_on_grid(
    columns: Sequence[np.ndarray], options: Sequence[int], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Variance explained by every set of factors of a full product, and how much of one noise variance is in it.

    columns: (rows,) codes of each factor; values: (rows, several). Returns (2^factors, several): entry `mask` is
    V(E[f | x_S]), where bit i of mask says whether factor i is in S; and (2^factors,): the part of the variance of
    independent errors of the values that such a term takes up, (cells - 1) / rows. A contrast transform along each
    axis splits the values into the terms of the functional analysis of variance; their squares, summed over subsets,
    are the answer. Source: Sobol' 2001, Math. Comput. Simul. 55:271-280, doi:10.1016/S0378-4754(00)00270-6.
    """
    rows, several = values.shape
    terms = np.empty((*options, several))
    terms[tuple(columns)] = values - values.mean(axis=0)
    for axis, count in enumerate(options):
        terms = np.moveaxis(np.tensordot(_contrasts(count), terms, (1, axis)), 0, axis)
    terms = terms**2 / rows
    cells = np.ones(1)
    for axis, count in enumerate(options):
        first, rest = np.split(terms, [1], axis=axis)
        terms = np.concatenate([first, first + rest.sum(axis=axis, keepdims=True)], axis=axis)
        cells = np.concatenate([cells, cells * count])
    # C order makes the last axis the lowest bit; factor i is to be bit i
    table = terms.transpose(*reversed(range(len(options))), len(options)).reshape(-1, several)
    return table, (cells - 1) / rows


def _contrasts(count: int) -> np.ndarray:
    """(count, count) orthonormal: the mean first, then Helmert's contrasts."""
    matrix = np.tril(np.ones((count, count)), -1)
    matrix[np.arange(1, count), np.arange(1, count)] = -np.arange(1, count)
    matrix[0] = 1.0
    matrix /= np.sqrt((matrix**2).sum(axis=1, keepdims=True))
    return matrix

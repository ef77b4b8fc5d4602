"""What sets of decisions explain where universes are a sample of a larger space: by regression.

There a group of universes that share many options holds a single one, which the options would seem to explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

ROWS_PER_TERM = 5  # rows a coefficient, below which pairs are not fitted: Hair et al. 2010, Multivariate Data Analysis
MOST_TERMS = 250  # columns of the regression: 2^8 sets of half as many cost about half a second
CHUNK = 4096  # rows whose columns are held in memory at once
RIDGE = 1e-10  # of the columns' mean square, added so that columns that depend on others can be factored
DEPENDENT = 1e-6  # a pivot below this part of the columns' mean square adds no dimension; float64 is good to 1e-11


@dataclass(frozen=True, eq=False)
class Regression:
    """Variance explained by sets of factors in a least squares fit of their options, and of pairs where rows suffice.

    columns, weight, values, noise, extra: as in `Groups`; fraction: of the larger space that the universes are.
    A fit on r dimensions takes up r / rows of the variance that the set does not explain, as far as universes were
    drawn (1 - fraction of it: an adjusted R^2), and r / rows of the Monte Carlo variance: both are taken out. Source:
    shares of R^2 over all orders, Lindeman, Merenda and Gold 1980, and Groemping 2007, The American Statistician
    61(2):139-147, doi:10.1198/000313007X188252; the adjustment, Ezekiel 1930.
    """

    columns: Sequence[np.ndarray]
    weight: np.ndarray
    values: np.ndarray
    noise: np.ndarray
    fraction: float
    extra: float = 1.0

    @property
    def factors(self) -> int:
        """How many."""
        return len(self.columns)

    @cached_property
    def pairs(self) -> bool:
        """Are there rows enough for every pair of factors?"""
        width = [int(column.max()) for column in self.columns]
        needed = sum(width) + sum(a * b for a, b in combinations(width, 2))
        return needed <= MOST_TERMS and needed * ROWS_PER_TERM <= len(self.weight)

    def table(self) -> np.ndarray:
        """(2^factors, several): entry `mask` is for the set of the factors whose bits it has."""
        sets = range(1, 1 << self.factors)
        none = np.zeros((1, self.values.shape[1]))
        return np.concatenate([none, *([self._explained(mask)] for mask in sets)])

    def walk(self, order: Sequence[int]) -> np.ndarray:
        """(factors + 1, several): what is explained by none, the first, the first two, ... of the factors in order."""
        masks = np.cumsum([0, *(1 << i for i in order)])
        return np.stack([self._explained(int(mask)) for mask in masks])

    def _explained(self, mask: int) -> np.ndarray:
        gram, cross, total = self._moments
        chosen = np.flatnonzero((self._owners & ~mask) == 0)
        size = float(gram.diagonal().mean()) if len(chosen) else 0.0
        if not size:  # no factor, or none that varies
            return np.zeros(self.values.shape[1])
        factor = np.linalg.cholesky(gram[np.ix_(chosen, chosen)] + RIDGE * size * np.eye(len(chosen)))
        rank = int((factor.diagonal() ** 2 > DEPENDENT * size).sum())
        fitted = (np.linalg.solve(factor, cross[chosen]) ** 2).sum(axis=0)
        rows, error = len(self.weight), float(self.weight @ self.noise)
        noise = np.array([1.0, *[1 + self.extra] * (len(total) - 1)]) * error
        left = np.maximum(total - fitted, 0.0) * rows / max(rows - 1 - rank, 1)
        taken = (1 - self.fraction) * left + self.fraction * noise
        return np.asarray(fitted - rank / rows * taken)

    @cached_property
    def _owners(self) -> np.ndarray:
        """(terms,) the factors that each column of the fit names, as bits."""
        width = [int(column.max()) for column in self.columns]
        owners = [1 << i for i, w in enumerate(width) for _ in range(w)]
        if self.pairs:
            both = combinations(range(self.factors), 2)
            owners += [1 << i | 1 << j for i, j in both for _ in range(width[i] * width[j])]
        return np.array(owners, dtype=np.int64)

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weighted covariances of the columns with each other and with the values, and the values' variances."""
        values = self.values - self.weight @ self.values
        terms = len(self._owners)
        gram, cross, mean = np.zeros((terms, terms)), np.zeros((terms, values.shape[1])), np.zeros(terms)
        dummies = [_dummies(column, self.weight) for column in self.columns]
        for start in range(0, len(values), CHUNK):
            rows = slice(start, start + CHUNK)
            block = self._design([dummy[rows] for dummy in dummies])
            weighted = block * self.weight[rows, None]
            gram += weighted.T @ block
            cross += weighted.T @ values[rows]
            mean += weighted.sum(axis=0)
        return gram - np.outer(mean, mean), cross, self.weight @ values**2

    def _design(self, dummies: Sequence[np.ndarray]) -> np.ndarray:
        both = combinations(dummies, 2) if self.pairs else ()
        products = [(a[:, :, None] * b[:, None, :]).reshape(len(a), -1) for a, b in both]
        return np.concatenate([*dummies, *products], axis=1)


def _dummies(column: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(rows, options - 1), each less its mean."""
    dummies: np.ndarray = (column[:, None] == np.arange(1, column.max() + 1)).astype(np.float64)
    dummies -= weight @ dummies
    return dummies

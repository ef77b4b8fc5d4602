"""What a set of decisions explains among universes in any arrangement: the variance of the means of their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Groups:
    """Variance explained by sets of factors: V(E[f | x_S]) over these universes, Monte Carlo variance taken out.

    columns: (rows,) codes from 0 of each factor; weight: (rows,), sums to 1; values: (rows, several), of which all but
    the first column bear `extra` more noise; noise: (rows,) variance of each value's own, independent error. A group is
    the universes that share their options in S; its mean of errors has the variance sum(w^2 s^2) / W^2, whatever the
    errors, so what is taken out is exact on average: sum over groups of sum(w^2 s^2) / W, less sum(w^2 s^2).
    """

    columns: Sequence[np.ndarray]
    weight: np.ndarray
    values: np.ndarray
    noise: np.ndarray
    extra: float = 1.0

    @property
    def factors(self) -> int:
        """How many."""
        return len(self.columns)

    def table(self) -> np.ndarray:
        """(2^factors, several): entry `mask` is for the set of the factors whose bits it has."""
        table = np.zeros((1 << self.factors, self.values.shape[1]))

        def visit(start: int, mask: int, group: np.ndarray, size: int) -> None:
            for i in range(start, self.factors):
                if size == len(group):  # each universe is alone already
                    table[mask | 1 << i] = table[mask]
                    visit(i + 1, mask | 1 << i, group, size)
                else:
                    finer, count = _split(group, size, self.columns[i])
                    table[mask | 1 << i] = self._explained(finer, count)
                    visit(i + 1, mask | 1 << i, finer, count)

        visit(0, 0, np.zeros(len(self.weight), dtype=np.int64), 1)
        return table

    def walk(self, order: Sequence[int]) -> np.ndarray:
        """(factors + 1, several): what is explained by none, the first, the first two, ... of the factors in order."""
        steps = np.zeros((len(order) + 1, self.values.shape[1]))
        group, size = np.zeros(len(self.weight), dtype=np.int64), 1
        for place, i in enumerate(order):
            if size == len(group):
                steps[place + 1 :] = steps[place]
                break
            group, size = _split(group, size, self.columns[i])
            steps[place + 1] = self._explained(group, size)
        return steps

    def _explained(self, group: np.ndarray, size: int) -> np.ndarray:
        from scipy.sparse import csc_array

        rows = len(group)
        gather = csc_array((np.ones(rows), group, np.arange(rows + 1)), shape=(size, rows))
        share = np.bincount(group, self.weight, size)
        errors = np.bincount(group, self.weight**2 * self.noise, size)
        explained = np.einsum("gc,gc,g->c", sums := gather @ self._weighted, sums, 1 / share)
        taken = float((errors / share).sum() - errors.sum())
        explained[0] -= taken
        explained[1:] -= (1 + self.extra) * taken
        return np.asarray(explained)

    @cached_property
    def _weighted(self) -> np.ndarray:
        centred = self.values - self.weight @ self.values
        return np.ascontiguousarray(centred * self.weight[:, None])


def _split(group: np.ndarray, size: int, column: np.ndarray) -> tuple[np.ndarray, int]:
    """The groups divided by one more factor, numbered from 0 without gaps, and how many there are."""
    options = int(column.max()) + 1
    joint = group * options + column
    seen = np.zeros(size * options, dtype=np.int64)
    seen[joint] = 1
    place = np.cumsum(seen)
    return place[joint] - 1, int(place[-1])

"""What a set of decisions explains among universes in any arrangement: the variance of the means of their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from multiverse.aggregate.sources import error_of_sums


@dataclass(frozen=True, eq=False)
class Groups:
    """Variance explained by sets of factors: V(E[f | x_S]) over these universes, Monte Carlo variance taken out.

    columns: (rows,) codes from 0 of each factor; weight: (rows,), sums to 1; values: (rows, several), of which all but
    the first column bear `extra` more noise; noise: (rows,) variance of each value's error; source: (rows,) which of
    them are one error, by default none. A group is the universes that share their options in S; the sum of its errors
    has the variance e = sum(w^2 s^2), weights of one error added up first, so what is taken out is exact on average:
    the sum over groups of e / W, less the e of all.
    """

    columns: Sequence[np.ndarray]
    weight: np.ndarray
    values: np.ndarray
    noise: np.ndarray
    extra: float = 1.0
    source: np.ndarray | None = None

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
        explained = np.einsum("gc,gc,g->c", sums := gather @ self._weighted, sums, 1 / share)
        taken = self._taken(group, size, share)
        explained[0] -= taken
        explained[1:] -= (1 + self.extra) * taken
        return np.asarray(explained)

    def _taken(self, group: np.ndarray, size: int, share: np.ndarray) -> float:
        """How much of the noise is in what these groups explain."""
        if self.source is None:
            errors = np.bincount(group, self.weight**2 * self.noise, size)
            return float((errors / share).sum() - errors.sum())
        one = np.zeros_like(group)
        errors = error_of_sums(group, size, self.weight, self.noise, self.source)
        return float((errors / share).sum() - error_of_sums(one, 1, self.weight, self.noise, self.source)[0])

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

"""Shapley shares of a table of what each set of decisions explains, their pairs, and shares by permutations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb, factorial
from typing import NamedTuple

import numpy as np


def shapley(table: np.ndarray) -> np.ndarray:
    """(factors, several): each factor's part of table[-1], the mean of what it adds over all orders of the factors.

    table: (2^factors, several), entry `mask` for the set of factors whose bits it has, entry 0 zero. The parts add up
    to table[-1]; factors that add the same to every set have the same part, one that adds nothing has none. Source:
    Owen 2014, SIAM/ASA J. Uncertainty Quantification 2(1):245-251, doi:10.1137/130936233; for inputs that are not
    independent, Song, Nelson and Staum 2016, same journal 4(1):1060-1083, doi:10.1137/15M1048070, and Owen and Prieur
    2017, same journal 5(1):986-1002, doi:10.1137/16M1097717.
    """
    count, size = _sizes(table)
    weight = np.array([1 / (count * comb(count - 1, s)) for s in range(count)])
    parts = np.empty((count, table.shape[1]))
    for i in range(count):
        out = _without(count, i)
        parts[i] = weight[size[out]] @ (table[out | 1 << i] - table[out])
    return parts


def interactions(table: np.ndarray) -> np.ndarray:
    """(pairs, several): the Shapley interaction of each pair of factors, (0, 1), (0, 2), ... in order.

    What two add together beyond what each adds alone, over all sets of the others: positive where they act together,
    negative where they tell the same. With independent factors it is the sum over the terms of the analysis of variance
    that name both, each divided by its number of factors less one. Source: Grabisch and Roubens 1999, Int. J. Game
    Theory 28:547-565, doi:10.1007/s001820050125.
    """
    count, size = _sizes(table)
    weight = np.array([factorial(s) * factorial(count - s - 2) / factorial(count - 1) for s in range(count - 1)])
    parts = []
    for i in range(count):
        for j in range(i + 1, count):
            out = _without(count, i, j)
            both, one, other = (table[out | bits] for bits in (1 << i | 1 << j, 1 << i, 1 << j))
            parts.append(weight[size[out]] @ (both - one - other + table[out]))
    return np.array(parts).reshape(-1, table.shape[1])


class Permuted(NamedTuple):
    """Shapley parts by permutations: (factors, several), and the standard error (factors,) that this leaves."""

    parts: np.ndarray
    error: np.ndarray


def by_permutations(walk: Callable[[Sequence[int]], np.ndarray], factors: int, pairs: int, seed: int) -> Permuted:
    """Shapley parts from random orders, each used forwards and backwards.

    walk: (an order) -> (factors + 1, several), what the first of them explain. pairs: of orders. The error is that of
    the mean over independent pairs, of the first column. Source: Castro, Gomez and Tejada 2009, Computers & Operations
    Research 36(5):1726-1730, doi:10.1016/j.cor.2008.04.004; the pairs are antithetic (Mitchell et al. 2022, JMLR
    23(43)).
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(pairs):
        order = rng.permutation(factors)
        gains = []
        for one in (order, order[::-1]):
            gain = np.diff(walk(one.tolist()), axis=0)
            gains.append(gain[np.argsort(one)])
        found.append((gains[0] + gains[1]) / 2)
    stacked = np.stack(found)
    return Permuted(stacked.mean(axis=0), stacked[:, :, 0].std(axis=0, ddof=1) / np.sqrt(pairs))


def _sizes(table: np.ndarray) -> tuple[int, np.ndarray]:
    """How many factors, and the number of factors in each set."""
    count = len(table).bit_length() - 1
    size = np.zeros(1, dtype=np.int64)
    for _ in range(count):
        size = np.concatenate([size, size + 1])
    return count, size


def _without(count: int, *factors: int) -> np.ndarray:
    """The sets in which none of these factors is."""
    masks = np.arange(1 << count)
    bits = sum(1 << i for i in factors)
    out: np.ndarray = masks[masks & bits == 0]
    return out

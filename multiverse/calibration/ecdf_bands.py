"""Simultaneous bands of an empirical distribution function that should be uniform, and how far one strays from it.

At each of some points the count of values below is binomial; a band of two binomial quantiles a point is widened until
a whole path of counts stays within it with the wanted probability. That probability is exact: counts of n independent
uniform values are a Poisson process that is known to end at n, so a path is followed from point to point by one
convolution. (It is the optimisation method of the source in another form: the same numbers as ArviZ's, some hundred
times faster, and with p-values, which verdicts on many bands need.)
Source: Säilynoja, Bürkner, Vehtari 2022, Statistics and Computing 32:32, doi:10.1007/s11222-022-10090-6.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

POINTS: Final = 100  # places of (0, 1) at most; Säilynoja et al. 2022, section 4: no finer than the values are many
LEAST_GAMMA: Final = 1e-20  # a p-value of less than 1e-18 is told as 0, and quantiles further out are hard to find
HALVINGS: Final = 25  # of the bracket of gamma: to 1e-9, where counts do not change any more


class Band(NamedTuple):
    """A band of the ECDF of n values. points: (k,), in (0, 1). lower, upper: (k,), shares of values, both allowed.

    level: probability that the whole ECDF of n independent uniform values lies within; at least what was asked for.
    gamma: probability that it lies outside at one point, at most.
    """

    n: int
    points: Floats
    lower: Floats
    upper: Floats
    level: float
    gamma: float


def places(n: int) -> Floats:
    """The points at which the ECDF of n values is looked at: even, inside (0, 1)."""
    k = max(2, min(n, POINTS))
    return np.arange(1, k) / k


def ecdf(values: ArrayLike, points: ArrayLike) -> Floats:
    """The share of the values that are at most each point, (k,)."""
    ascending = np.sort(np.asarray(values, float))
    return np.asarray(np.searchsorted(ascending, np.asarray(points, float), side="right") / ascending.size)


@lru_cache(maxsize=512)
def band(n: int, level: float = 0.95) -> Band:
    """The narrowest band of this kind that holds the ECDF of n independent uniform values with probability `level`.

    Raises ValueError for no values, and for a level that is no probability.
    """
    if n < 1 or not 0 < level < 1:
        raise ValueError(f"a band for {n} values at level {level}: at least 1, and a level between 0 and 1")
    points = places(n)
    low, high = 0.0, 1.0 - level  # gamma: one point is part of the whole path, so it is at most 1 - level
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if within(n, points, *limits(n, points, middle)) >= level:
            low = middle
        else:
            high = middle
    lower, upper = limits(n, points, low)
    return Band(n, points, lower / n, upper / n, within(n, points, lower, upper), low)


def limits(n: int, points: Floats, gamma: float) -> tuple[Counts, Counts]:
    """Lowest and highest count at each point that is not in a tail of probability gamma / 2 or less, (k,) each."""
    from scipy.stats import binom

    lower = binom.ppf(gamma / 2, n, points)
    lower += binom.cdf(lower, n, points) <= gamma / 2
    upper = binom.isf(gamma / 2, n, points)
    upper += binom.sf(upper, n, points) > gamma / 2  # the last count that as many or more values reach often enough
    return np.maximum(lower, 0).astype(np.int64), np.minimum(upper, n).astype(np.int64)


def within(n: int, points: Floats, lower: Counts, upper: Counts) -> float:
    """The probability that counts of n independent uniform values keep to these limits at all points."""
    from scipy.stats import poisson

    path, least, before = np.ones(1), 0, 0.0
    for point, low, high in zip(points, lower, upper, strict=True):
        if high < low:
            return 0.0
        steps = poisson.pmf(np.arange(high - least + 1), n * (point - before))
        path = np.convolve(path, steps)[low - least : high - least + 1]
        least, before = low, point
    last = poisson.pmf(n - np.arange(least, upper[-1] + 1), n * (1 - before))
    return float(min(1.0, path @ last / poisson.pmf(n, n)))


def p_value(values: ArrayLike) -> float:
    """How probable it is that as many independent uniform values stray at least as far from uniform; NaN for none.

    How far: the smallest two-sided binomial tail of a count, over the points. At most `1 - level` exactly where the
    ECDF leaves the band of this level. Exact: uniform or larger for uniform values.
    """
    from scipy.stats import binom

    values = np.asarray(values, float)
    if not (n := values.size):
        return float("nan")
    points = places(n)
    count = np.rint(ecdf(values, points) * n)
    tails = np.minimum(binom.cdf(count, n, points), binom.sf(count - 1, n, points))
    # a little more, so that the count that was seen is in the tail itself whatever rounding does
    gamma = min(1.0, max(2 * float(tails.min()) * (1 + 1e-9), LEAST_GAMMA))
    return max(0.0, 1.0 - within(n, points, *limits(n, points, gamma)))

"""Limits from a sample without replacement: of a share, by inverting the hypergeometric, and of a median, by ranks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

LEVEL: Final = 0.95  # of every interval of a running summary, as of all intervals here
TAIL: Final = (1 - LEVEL) / 2
ROUNDING: Final = 1e-9  # of counts, which are sums of floats


def share_limits(share: float, seen: float, of: float) -> tuple[float, float]:
    """Between which the share of a population of `of` lies, where `share` of the `seen` drawn from it agree.

    Exact for whole numbers, whatever the share; counts that are not whole are rounded to the side that widens. The
    exact limits of a finite population: Cochran 1977, Sampling Techniques, section 3.4 (there by tables); Buonaccorsi
    1987, The American Statistician 41(3):215-218.
    """
    n, size = math.floor(seen + ROUNDING), math.ceil(of - ROUNDING)
    if n < 1:
        return 0.0, 1.0
    size = max(size, n)
    yes, no = n * share, n * (1 - share)
    fewest = _fewest(math.floor(yes + ROUNDING), n, size)
    most = size - _fewest(math.floor(no + ROUNDING), n, size)
    return min(fewest / size, share), max(most / size, share)


def _fewest(agree: int, n: int, size: int) -> int:
    """The smallest number of a population that makes so many or more of `n` drawn not too unlikely."""
    from scipy.stats import hypergeom

    def likely(of: int) -> bool:
        return bool(hypergeom.sf(agree - 1, size, of, n) > TAIL)

    return _first(likely, agree, size - (n - agree))  # it is at least what was seen


def median_rank(seen: float, of: float) -> float:
    """Which part of a sorted sample lies below its lower limit for the median of the population; 0: no limit is known.

    The upper limit is as far from the other end. Source: Woodruff 1952, JASA 47:635-646; ranks as in David and Nagaraja
    2003, Order Statistics, section 7.1, drawn without replacement.
    """
    from scipy.stats import hypergeom

    n, size = math.floor(seen + ROUNDING), math.ceil(of - ROUNDING)
    if n < 1:
        return 0.0
    size = max(size, n)
    below = (size + 1) // 2  # at least so many are not above the median
    return _first(lambda count: bool(hypergeom.cdf(count, size, below, n) > TAIL), 0, n) / n


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first number from `low` on of which it holds, as it does of all that follow; `high` is one of them."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def unseen(fraction: float) -> float:
    """How many units may be missing altogether from a sample of this fraction: more would have shown one of them.

    None of k is drawn with a probability of (1 - fraction)^k at most.
    """
    return (
        math.inf
        if fraction <= 0
        else 0.0
        if fraction >= 1
        else float(math.floor(math.log(TAIL) / math.log1p(-fraction)))
    )

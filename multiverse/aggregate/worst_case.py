"""What must hold of a whole multiverse, whatever its missing universes will say."""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-9  # of sums of weights


def share_bounds(agree: float, counted: float, missing: float) -> tuple[float, float]:
    """The least and the largest share: all that are missing count and disagree, or count and agree.

    agree, counted, missing: sums of weights. One that turns out red counts nowhere, which is between the two.
    """
    whole = counted + missing
    return (agree / whole, (agree + missing) / whole) if whole > 0 else (0.0, 1.0)


def median_bounds(values: np.ndarray, weight: np.ndarray, missing: float) -> tuple[float, float]:
    """The least and the largest median: all that are missing lie at minus infinity, or at infinity.

    values, weight: (n,), of those that count.
    """
    half = (float(weight.sum()) + missing) / 2
    return below(values, weight, half - missing), -below(-values, weight, half - missing)


def below(values: np.ndarray, weight: np.ndarray, target: float) -> float:
    """The smallest value up to which the weights reach `target`; minus infinity where nothing need be reached."""
    if target <= ROUNDING or not len(values):
        return -np.inf
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    at = int(np.searchsorted(reached, target - ROUNDING))
    return float(values[order[min(at, len(values) - 1)]])

"""Intervals of a running summary: by the worst case, or from finished batches as a sample. All arrays are (n,)."""

from __future__ import annotations

import numpy as np

from multiverse.aggregate.running_limits import TAIL, median_rank, share_limits
from multiverse.aggregate.running_sample import Sample
from multiverse.aggregate.worst_case import below, median_bounds, share_bounds

Interval = tuple[float, float, float]
"""A number so far, and between which it will lie when all universes are answered."""


def worst_share(sample: Sample, green: np.ndarray, agree: np.ndarray) -> Interval:
    """The share of the green ones that agree, and its bounds."""
    missing = float(sample.weight[~sample.answered].sum())
    yes, counted = float(sample.weight[green & agree].sum()), float(sample.weight[green].sum())
    return share_of(sample.weight, green, agree), *share_bounds(yes, counted, missing)


def worst_median(sample: Sample, green: np.ndarray, median: np.ndarray) -> Interval:
    """The median of the green ones, and its bounds; infinite where more are missing than are green."""
    value = median_of(sample.weight, green, median)
    missing = float(sample.weight[~sample.answered].sum())
    bounds = (
        median_bounds(median[green], sample.weight[green], missing) if missing or not green.any() else (value, value)
    )
    return value, *bounds


def sampled_share(sample: Sample, green: np.ndarray, agree: np.ndarray) -> Interval:
    """The share, and the effective-sample limits of it in the strata that are covered, the others by bounds.

    Source of the effective sample: Korn and Graubard 1998, Survey Methodology 24(2):193-201; here of a finite
    population, and never larger than the sample.
    """
    told = green & sample.covered
    covered = float(sample.weights[told].sum())
    share = share_of(sample.weights, told, agree)
    low, high = share_limits(share, _effective(sample, told, agree, share, covered), covered)
    reach = sample.reach / max(covered, 1.0)
    low, high = max(min(low, share - reach), 0.0), min(max(high, share + reach), 1.0)
    beside = green & ~sample.covered
    missing = float(sample.weight[~sample.answered & ~sample.covered].sum())
    yes, others = float(sample.weight[beside & agree].sum()), float(sample.weight[beside].sum())
    whole = covered + others + missing
    _, *worst = worst_share(sample, green, agree)
    return (
        share_of(sample.weights, green, agree),
        max((low * covered + yes) / whole, worst[0]),
        min((high * covered + yes + missing) / whole, worst[1]),
    )


def sampled_median(sample: Sample, green: np.ndarray, median: np.ndarray) -> Interval:
    """The median, and the values between which it is by the limits of the distribution function there (Woodruff)."""
    value = median_of(sample.weights, green, median)
    told = green & sample.covered
    covered = float(sample.weights[told].sum())
    rank = median_rank(_effective(sample, told, median <= value, 0.5, covered), covered)
    missing = float(sample.weight[~sample.answered & ~sample.covered].sum())
    half = (float(sample.weights[green].sum()) + missing) / 2
    target = half - missing - (0.5 - rank) * covered if rank else 0.0
    values, weights = median[green], sample.weights[green]
    _, low, high = worst_median(sample, green, median)
    return value, max(below(values, weights, target), low), min(-below(-values, weights, target), high)


def _effective(sample: Sample, told: np.ndarray, agree: np.ndarray, share: float, covered: float) -> float:
    """How many universes, drawn singly, would tell as much of a share as the clusters do, Student's t allowed for.

    Never more than the stratum that is known least would allow: few clusters may agree by chance.
    """
    from scipy.stats import norm, t

    most = sample.fraction * covered / max(sample.copies, 1.0)
    one = share * (1 - share)
    if not one > 0:
        return most
    variance = sample.variance(sample.weight * told * (agree - share)) / covered**2
    wider = float(t.isf(TAIL, sample.degrees) / norm.isf(TAIL)) ** 2
    return float(min(covered * one / (variance * wider * max(covered - 1, 0.0) + one), most))


def share_of(weights: np.ndarray, counted: np.ndarray, agree: np.ndarray) -> float:
    """The weight of those counted that agree as a part of all that are counted; NaN where none are."""
    whole = weights[counted].sum()
    return float(weights[counted & agree].sum() / whole) if whole > 0 else np.nan


def median_of(weights: np.ndarray, counted: np.ndarray, values: np.ndarray) -> float:
    """The weighted median of those counted, in the middle between two where it may be either; NaN where none are."""
    if not counted.any():
        return np.nan
    low, high = median_bounds(values[counted], weights[counted], 0.0)
    return (low + high) / 2

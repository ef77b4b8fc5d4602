"""Numbers of weighted draws: estimates, evidence, and a resample that bears equal weights.

Everywhere: draws (n, draw), log weights (n, draw) in nats, what comes back (n,), all float64. The error of a
self-normalised mean uses the weights: Owen 2013, Monte Carlo theory, methods and examples, equation 9.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from multiverse.engines.diagnostics import TAIL_HIGH, TAIL_LOW, Floats
from multiverse.engines.estimates import QUANTILES

Variance: TypeAlias = Callable[[Floats], Floats]
"""Terms (n, draw), such as weight x (value - mean) -> the Monte Carlo variance of their sums, (n,)."""


def independent(terms: Floats) -> Floats:
    """The `Variance` of draws that are independent of each other."""
    variance: Floats = np.square(terms).sum(axis=1)
    return variance


class Evidence(NamedTuple):
    """The log of a mean weight and its Monte Carlo standard error, in nats."""

    log_marginal: Floats
    mcse: Floats


def normalised(log_weights: Floats) -> Floats:
    """Weights that sum to 1; NaN where no weight is above zero."""
    with np.errstate(all="ignore"):
        weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
        total: Floats = weights / weights.sum(axis=1, keepdims=True)
    return total


def importance_ess(weights: Floats) -> Floats:
    """Effective sample size of normalised weights: 1 / sum of their squares (Kong 1992), in draws."""
    ess: Floats = 1 / np.square(weights).sum(axis=1)
    return ess


def evidence(log_weights: Floats) -> Evidence:
    """The log marginal likelihood: log of the mean of (density / proposal), where both have all their constants.

    Its error is that of the log of a mean, to first order: the relative standard error of the mean weight.
    """
    draws = log_weights.shape[1]
    top = log_weights.max(axis=1)
    with np.errstate(all="ignore"):
        log_marginal = top + np.log(np.exp(log_weights - top[:, None]).mean(axis=1))
        relative = draws / importance_ess(normalised(log_weights)) - 1  # variance of a weight over its squared mean
    return Evidence(log_marginal, np.sqrt(np.maximum(relative, 0.0) / max(draws - 1, 1)))


def summarise_weighted(draws: Floats, weights: Floats, variance: Variance = independent) -> dict[str, Floats]:
    """The statistics of `estimates.summarise`, of draws with normalised weights; with equal ones they are the same.

    sd: of the draws, unbiased for weights as counts of reliability. ess: of the weights; ess_tail: the smaller one of
    the indicators "below the 5 % quantile" and "below the 95 % quantile": how many unweighted draws would know them as
    well. rhat is NaN: there are no chains. A draw of weight zero counts nowhere, also where it is not a number.
    variance: of draws that hang together; it is in mcse_mean, ess and ess_tail.
    """
    x = np.where(weights > 0, draws, 0.0)
    mean = (weights * x).sum(axis=1)
    apart = x - mean[:, None]
    squares = np.square(weights).sum(axis=1)
    error, alone = variance(weights * apart), independent(weights * apart)
    counted = np.where(weights > 0, draws, np.inf)  # beyond the last place: not between two that count
    order = np.argsort(counted, axis=1, kind="stable")
    ascending, of_sorted = (
        np.take_along_axis(counted, order, axis=1),
        np.take_along_axis(weights, order, axis=1),
    )
    places = _places(of_sorted)
    with np.errstate(all="ignore"):
        sd = np.sqrt((weights * np.square(apart)).sum(axis=1) / (1 - squares))
        numbers = {
            "mean": mean,
            "sd": sd,
            **{name: _quantiles(ascending, places, p) for name, p in QUANTILES.items()},
            "p_positive": np.minimum((weights * (x > 0)).sum(axis=1), 1.0),  # rounding may lift the sum
            "mcse_mean": np.sqrt(error),
            "ess": np.where(error > 0, alone / error, 1.0) / squares,
            "ess_tail": np.minimum(
                *(_ess_below(x, weights, _quantiles(ascending, places, p), variance) for p in _TAILS)
            ),
            "rhat": np.full_like(mean, np.nan),
        }
    order_of_columns = ("mean", "sd", "median", "q2_5", "q25", "q75", "q97_5", "p_positive")
    good = np.isfinite(mean)
    told = {name: numbers[name] for name in (*order_of_columns, "mcse_mean", "ess", "ess_tail", "rhat")}
    return {name: np.where(good, values, np.nan) for name, values in told.items()}


def summarise_resampled(draws: Floats, ess: Floats) -> dict[str, Floats]:
    """The same statistics of a systematic resample (n, draw), of draws whose weights had this effective size (n,).

    mcse_mean: of the weights, and of the resample: a draw is there once more or less than it weighs, which has at most
    the variance 1/4. ess_tail is NaN: the weights that would tell it are gone.
    """
    found = summarise_weighted(draws, np.full(draws.shape, 1 / draws.shape[1]))
    error = found["sd"] * np.sqrt(1 / ess + 1 / (4 * draws.shape[1]))
    return found | {"mcse_mean": error, "ess": ess.astype(np.float64), "ess_tail": np.full(len(ess), np.nan)}


_TAILS = (TAIL_LOW, TAIL_HIGH)


def _places(weights: Floats) -> Floats:
    """Where each draw stands among the others, in [0, 1]: the weight below it over the weight of all others.

    Of n equal weights (k - 1) / (n - 1), as `np.quantile` has it (R's type 7); never decreasing.
    """
    below = np.cumsum(weights, axis=1) - weights
    with np.errstate(all="ignore"):
        places: Floats = np.where(weights < 1, below / (1 - weights), 0.0)
    return places


def _quantiles(ascending: Floats, places: Floats, probability: float) -> Floats:
    """(n,): interpolated linearly between draws."""
    return np.array([np.interp(probability, p, x) for p, x in zip(places, ascending, strict=True)])


def _ess_below(x: Floats, weights: Floats, bound: Floats, variance: Variance) -> Floats:
    """Effective sample size of the indicator "at most the bound": variance of one draw over that of the estimate."""
    below = x <= bound[:, None]
    share = (weights * below).sum(axis=1)
    ess: Floats = share * (1 - share) / variance(weights * (below - share[:, None]))
    return ess


def systematic_resample(weights: Floats, offsets: Floats, count: int = 0) -> np.ndarray:
    """Indices (n, count) of draws that bear equal weights, ascending: each is there about as often as it weighs.

    offsets: (n,), uniform in [0, 1). count: how many, 0 for as many as there are draws.
    Source: Kitagawa 1996, JCGS 5(1), doi:10.1080/10618600.1996.10474692.
    """
    count = count or weights.shape[1]
    ticks = (np.arange(count) + offsets[:, None]) / count
    sums = np.cumsum(weights, axis=1)
    found = [np.searchsorted(s / s[-1], t, side="right") for s, t in zip(sums, ticks, strict=True)]
    chosen: np.ndarray = np.minimum(np.array(found).reshape(len(weights), count), weights.shape[1] - 1)
    return chosen

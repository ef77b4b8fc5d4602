"""Means, quantiles and sds of draws with their Monte Carlo standard errors: of weighted draws, and of chains.

A mean is off by its sd over the root of its effective sample size. A quantile: the share of draws below it is a mean of
indicators, with an effective sample size S of its own. Where that share may lie, a Beta(S p + 1, S (1 - p) + 1) says,
and half the distance between the sample quantiles at its 15.9 % and 84.1 % points is the error, so that no density has
to be estimated (Vehtari et al. 2021, doi:10.1214/20-BA1221, section 4.4). An sd: by the delta method from the error of
the mean of (x - mean)^2, which needs a fourth moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

from multiverse.engines.diagnostics import ess_mean

QUANTILES: Final = {"q2_5": 0.025, "q25": 0.25, "median": 0.5, "q75": 0.75, "q97_5": 0.975}
STATISTICS: Final = ("mean", *QUANTILES, "sd")
ONE_ERROR: Final = stats.norm.cdf([-1.0, 1.0])


class Known(NamedTuple):
    """Of one estimand: values and their Monte Carlo standard errors, in the order of `STATISTICS`."""

    value: np.ndarray
    error: np.ndarray


def of_weighted(x: np.ndarray, weights: np.ndarray) -> Known:
    """Of independent draws (draw,) with weights that sum to 1. Error of a mean: Owen 2013, equation 9.9."""
    order = np.argsort(x)
    below = np.cumsum(weights[order]) - weights[order]
    places = below / (1 - weights[order])  # of n equal weights (k - 1) / (n - 1), as `np.quantile` has it

    def variance(terms: np.ndarray) -> float:
        return float(np.square(weights * (terms - weights @ terms)).sum())

    return _known(x, weights, variance, lambda p: np.interp(p, places, x[order]))


def of_chains(x: np.ndarray) -> Known:
    """Of draws (chain, draw) of MCMC."""

    def variance(terms: np.ndarray) -> float:
        return float(terms.var(ddof=1) / ess_mean(terms.reshape(1, *x.shape))[0])

    return _known(x.ravel(), np.full(x.size, 1 / x.size), variance, lambda p: np.quantile(x, p))


def _known(
    x: np.ndarray,
    weights: np.ndarray,
    variance: Callable[[np.ndarray], float],
    quantile: Callable[[np.ndarray], np.ndarray],
) -> Known:
    mean = weights @ x
    far = np.square(x - mean)
    sd = np.sqrt(weights @ far / (1 - weights @ weights))
    at = quantile(np.array([*QUANTILES.values()]))
    errors = []
    for p, q in zip(QUANTILES.values(), at, strict=True):
        share = float(weights @ (x <= q))
        size = share * (1 - share) / variance((x <= q).astype(float))
        low, high = quantile(stats.beta.ppf(ONE_ERROR, size * p + 1, size * (1 - p) + 1))
        errors.append((high - low) / 2)
    of_sd = np.sqrt(variance(far)) / (2 * sd)
    return Known(np.array([mean, *at, sd]), np.array([np.sqrt(variance(x)), *errors, of_sd]))

"""The exact answers: posterior means of eight schools with t effects, by quadrature over three numbers.

A t effect is a normal one whose precision is multiplied by lambda ~ Gamma(df / 2, df / 2). Given mu, tau and lambda the
school is conjugate, so for each school one integral over log lambda remains. All three integrands are smooth and vanish
at both ends: there the trapezoid rule converges faster than any power of its step (Trefethen and Weideman 2014, SIAM
Review 56(3), doi:10.1137/130932132).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from schools import EFFECT, ERROR, NAMES
from scipy.special import gammaln

MU = (-120.0, 140.0, 1.3)  # first, last, step
LOG_TAU = (-14.0, 6.0, 0.1)
LOG_LAMBDA = (-26.0, 4.6, 0.2)


class Schools(NamedTuple):
    """What does not hang on the priors, on the grid (mu, tau): log likelihood, and the mean effect of each school."""

    mu: np.ndarray
    log_tau: np.ndarray
    log_likelihood: np.ndarray  # (mu, tau)
    effects: np.ndarray  # (school, mu, tau)


def grid(ends: tuple[float, float, float], coarser: int) -> np.ndarray:
    first, last, step = ends
    return np.arange(first, last, step * coarser)


@cache
def schools(degrees: float, coarser: int = 1) -> Schools:
    """The integrals over lambda. coarser: how many times as wide the steps of all three grids are."""
    mu, log_tau, s = grid(MU, coarser), grid(LOG_TAU, coarser), grid(LOG_LAMBDA, coarser)
    half = degrees / 2
    log_weight = half * np.log(half) - gammaln(half) + half * s - half * np.exp(s) + np.log(s[1] - s[0])
    log_likelihood = np.zeros((len(mu), len(log_tau)))
    effects = np.empty((len(EFFECT), len(mu), len(log_tau)))
    variance = np.exp(2 * log_tau[:, None] - s)  # (tau, lambda): of an effect around mu
    for j, (effect, error) in enumerate(zip(EFFECT, ERROR, strict=True)):
        total = variance + error**2
        shrunk = variance / total
        level = log_weight - np.log(2 * np.pi * total) / 2
        for i, center in enumerate(mu):
            density = np.exp(level - (effect - center) ** 2 / (2 * total))  # (tau, lambda)
            sums = density.sum(axis=1)
            log_likelihood[i] += np.log(sums)
            effects[j, i] = center + (effect - center) * (density * shrunk).sum(axis=1) / sums
    return Schools(mu, log_tau, log_likelihood, effects)


def posterior_means(spread: float, degrees: float, center: float, coarser: int = 1) -> dict[str, tuple[float, float]]:
    """Name of each estimand -> its posterior mean, and an sd: of mu, tau, and of the effect's mean given these."""
    mu, log_tau, log_likelihood, effects = schools(degrees, coarser)
    tau = np.exp(log_tau)
    log_prior = -((mu[:, None] / center) ** 2) / 2 - (tau / spread) ** 2 / 2 + log_tau
    weights = np.exp(log_likelihood + log_prior - (log_likelihood + log_prior).max())
    weights /= weights.sum()
    on_grid = [np.broadcast_to(mu[:, None], weights.shape), np.broadcast_to(tau, weights.shape), *effects]
    means = [float((weights * values).sum()) for values in on_grid]
    sds = [float(np.sqrt((weights * (v - m) ** 2).sum())) for v, m in zip(on_grid, means, strict=True)]
    return dict(zip(NAMES, zip(means, sds, strict=True), strict=True))

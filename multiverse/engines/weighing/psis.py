"""Pareto-smoothed importance weights of many universes at once, in vectorised NumPy.

The rules are ArviZ 0.23's `psislw`, to the last branch, so that a reader may check any number here with it; ArviZ loops
over universes in Python and costs more than the fit. Where weights are equal, which of them gets which smoothed value
may differ; the values are the same.

Sources: Vehtari, Simpson, Gelman, Yao, Gabry 2024, JMLR 25(72):1-58 (smoothing, k-hat); Zhang and Stephens 2009,
Technometrics 51(3), doi:10.1198/tech.2009.08017 (the fit of the generalised Pareto distribution).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from multiverse.engines.diagnostics import Floats

TAIL_SHARE: Final = 1 / 5  # of the draws at most, Vehtari et al. 2024, section 3.1
TAIL_ROOT: Final = 3.0  # times the root of the number of draws at most, the same
TAIL_MIN: Final = 5  # fewer draws above the cutoff tell no shape (ArviZ, loo)
PRIOR_BS: Final = 3  # Zhang and Stephens 2009
PRIOR_K, PRIOR_K_MEAN = 10, 0.5  # weakly informative prior of k-hat; Vehtari et al. 2024, appendix G
ROWS_AT_ONCE: Final = 32  # of the fit, so that its arrays stay in the cache


class Smoothed(NamedTuple):
    """khat: (n,), the shape of each tail. log_weights: (n, draw), smoothed, on the scale of those that came in."""

    khat: Floats
    log_weights: Floats


def smooth(log_weights: ArrayLike) -> Smoothed:
    """Pareto-smoothed log weights and k-hat, of log weights (n, draw) that need not be normalised, in nats.

    The largest weights are replaced by quantiles of the generalised Pareto distribution fitted to them, none larger
    than the largest raw one. A weight may be zero (-inf). k-hat is inf where fewer than `TAIL_MIN` weights stand out,
    as where all are equal, and where a weight is infinite; NaN where none is above zero or one is not a number. The
    weights of such a universe come back as they were.
    Raises ValueError if the log weights have not two axes, or no draws.
    """
    raw = np.array(log_weights, dtype=np.float64, order="C")
    if raw.ndim != 2 or raw.shape[1] == 0:
        raise ValueError(f"log weights have shape {raw.shape}; expected (n, draw)")
    khat, out = np.full(raw.shape[0], np.nan), raw.copy()
    top = raw.max(axis=1, initial=-np.inf)
    khat[np.isposinf(top)] = np.inf
    usable = np.flatnonzero(np.isfinite(top))
    for start in range(0, usable.size, ROWS_AT_ONCE):
        rows = usable[start : start + ROWS_AT_ONCE]
        khat[rows], smoothed = _smooth(raw[rows] - top[rows, None])
        out[rows] = smoothed + top[rows, None]
    return Smoothed(khat, out)


def _smooth(x: Floats) -> tuple[Floats, Floats]:
    """k-hat and smoothed log weights of log weights whose largest is 0."""
    draws = x.shape[1]
    order = np.argsort(x, axis=1, kind="stable")
    ascending = np.take_along_axis(x, order, axis=1)
    most = int(np.ceil(min(draws * TAIL_SHARE, TAIL_ROOT * draws**0.5)))
    cutoff = np.maximum(ascending[:, max(draws - most - 1, 0)], np.log(np.finfo(np.float64).tiny))
    lengths = (ascending > cutoff[:, None]).sum(axis=1)  # fewer than `most` where weights are tied or vanish
    khat = np.full(len(x), np.inf)
    for length in np.unique(lengths[lengths >= TAIL_MIN]):
        rows = np.flatnonzero(lengths == length)
        tail = ascending[rows, draws - length :]
        khat[rows], ascending[rows, draws - length :] = _smooth_tail(tail, cutoff[rows, None])
    out = np.empty_like(x)
    np.put_along_axis(out, order, ascending, axis=1)
    return khat, out


def _smooth_tail(tail: Floats, cutoff: Floats) -> tuple[Floats, Floats]:
    """k-hat and smoothed values of ascending log weights (n, tail) above the cutoff (n, 1)."""
    length = tail.shape[1]
    with np.errstate(all="ignore"):
        khat, sigma = _fit(np.exp(tail) - np.exp(cutoff))
        k, scale = khat[:, None], sigma[:, None]
        log_above = np.log1p(-np.arange(0.5, length) / length)  # of each rank: log of the share above it
        flat = np.abs(k) < np.finfo(np.float64).eps
        quantiles = scale * np.where(flat, -log_above, np.expm1(-k * log_above) / np.where(flat, 1.0, k))
        smoothed = np.minimum(np.log(np.where(scale > 0, quantiles, np.nan) + np.exp(cutoff)), 0.0)
    return khat, np.where(np.isfinite(k), smoothed, tail)


def _fit(x: Floats) -> tuple[Floats, Floats]:
    """Shape and scale, (n,), of the generalised Pareto distribution of ascending positive x (n, tail)."""
    length = x.shape[1]
    grid = 30 + int(length**0.5)
    spread = 1 - np.sqrt(grid / (np.arange(1, grid + 1, dtype=float) - 0.5))
    b = spread / (PRIOR_BS * x[:, int(length / 4 + 0.5) - 1, None]) + 1 / x[:, -1:]  # (n, grid)
    k = np.log1p(-b[:, :, None] * x[:, None, :]).mean(axis=2)
    likelihood = length * (np.log(-(b / k)) - k - 1)
    weights = 1 / np.exp(likelihood[:, None, :] - likelihood[:, :, None]).sum(axis=2)
    weights = np.where(weights >= 10 * np.finfo(np.float64).eps, weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    b_mean = np.where(weights > 0, b * weights, 0.0).sum(axis=1)
    b_mean = np.where(np.isnan(weights).any(axis=1), np.nan, b_mean)
    shape = np.log1p(-b_mean[:, None] * x).mean(axis=1)
    sigma = -shape / b_mean
    return (length * shape + PRIOR_K * PRIOR_K_MEAN) / (length + PRIOR_K), sigma

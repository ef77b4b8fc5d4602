"""Nested R-hat of many scalars at once: whether many short chains have forgotten where they began.

R-hat asks each chain to be long enough to know the posterior by itself. In a nested design all chains of a superchain
begin at one point: the mean of many short chains is known well though none of them is, and superchains that differ
still are where they began. If all of them began in one place, or drift together, they agree and nothing is seen.

Everywhere: draws are (n, superchain, chain, draw), any real dtype, computed in float64; what comes back is (n,)
float64, at least 1. NaN means "cannot be told": a draw that is not finite, one superchain, a single chain of a single
draw, or draws that are all equal. Nothing here warns.

Source: Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari, Gelman 2024, Bayesian Analysis, doi:10.1214/24-BA1453,
equations 4 to 8, as R's `posterior::rhat_nested` has them; ranks: Vehtari et al. 2021, doi:10.1214/20-BA1221.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multiverse.engines.diagnostics import BLOM, Floats


def nested_rhat(draws: ArrayLike) -> Floats:
    """Nested R-hat of the draws as they are: root of 1 + variance between superchains over variance within them.

    1 where the means of superchains agree; chains that know the posterior by n effective draws each, and have forgotten
    their start, give the root of 1 + 1 / (n x chains of a superchain) in the mean.
    Raises ValueError if the draws have not four axes.
    """
    usable, finite = _checked(draws)
    with np.errstate(all="ignore"):
        return np.where(finite, _nested(usable), np.nan)


def nested_rank_rhat(draws: ArrayLike) -> Floats:
    """Nested R-hat of normal scores of the ranks: the larger one of the draws' own and of their distance to the median.

    For draws whose variance may be infinite, and superchains that differ in spread alone.
    Raises ValueError if the draws have not four axes.
    """
    usable, finite = _checked(draws)
    distance = np.abs(usable - np.median(usable, axis=(1, 2, 3), keepdims=True)) if usable.size else usable
    with np.errstate(all="ignore"):
        found = np.fmax(_nested(_scores(usable)), _nested(_scores(distance)))
    # Draws that are all equal have a nested R-hat of 0 / 0 in both; two symmetric values have it of their distance.
    return np.where(finite, found, np.nan)


def _checked(draws: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """The draws, zeros in place of those of a scalar that are not all finite, and (n,) whether they were."""
    values = np.asarray(draws)
    if values.ndim != 4:
        raise ValueError(f"draws have shape {values.shape}; expected (n, superchain, chain, draw)")
    x = values.astype(np.float64, order="C")
    finite = np.asarray(np.isfinite(_flat(x)).all(axis=1))
    return np.where(finite[:, None, None, None], x, 0.0), finite


def _flat(x: Floats) -> Floats:
    return x.reshape(len(x), math.prod(x.shape[1:]))


def _nested(x: Floats) -> Floats:
    n, superchains, chains, draws = x.shape
    if superchains < 2 or chains * draws < 2:
        return np.full(n, np.nan)
    means = x.mean(axis=3)  # (n, superchain, chain)
    between = np.var(means.mean(axis=2), axis=1, ddof=1)  # equation 6
    chain = np.var(means, axis=2, ddof=1) if chains > 1 else 0.0
    draw = np.var(x, axis=3, ddof=1).mean(axis=2) if draws > 1 else 0.0
    within = np.mean(chain + draw, axis=1)  # equation 7
    constant = np.ptp(_flat(x), axis=1) == 0
    ratio: Floats = np.sqrt(1 + between / np.where(constant, np.nan, within))  # equation 8
    return ratio


def _scores(x: Floats) -> Floats:
    """Normal scores of the ranks among all draws of a scalar; equal draws share their average rank."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    flat = _flat(x)
    if not flat.size:
        return x
    scores: Floats = ndtri((rankdata(flat, axis=1) - BLOM) / (flat.shape[1] - 2 * BLOM + 1)).reshape(x.shape)
    return scores

"""Where the truth lies among the draws of a posterior: one number between 0 and 1, uniform where all is well."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Placed(NamedTuple):
    """Of each quantity, (quantity,): place of the truth, effective number of draws, mean and sd of the posterior.

    place: in (0, 1), NaN where it cannot be told. sd: with `ess - 1` in place of draws less one.
    """

    place: Floats
    ess: Floats
    mean: Floats
    sd: Floats


def placed(
    truth: Floats, draws: Floats, uniform: Floats, *, ess: Floats | None = None, log_weights: Floats | None = None
) -> Placed:
    """The place of each truth (quantity,) among draws (quantity, draw).

    uniform: (quantity,), random in (0, 1): ties are broken by it, at random, and the steps between ranks are filled.
    ess: (quantity,), how many independent draws these are worth; at most as many as there are, which is the default.
    log_weights: (draw,), of draws with unequal weight; then `ess` is that of the weights.

    With L independent draws of equal weight the place is `(rank + uniform) / (L + 1)`, exactly uniform where truth and
    draws come from one distribution. Draws that are worth n independent ones say as much of the distribution function
    at the truth as n of these do, so their share below the truth stands in for a rank of n draws.
    Source of ranks: Talts et al. 2018, arXiv:1804.06788.
    """
    count = draws.shape[1]
    weights = np.full(count, 1 / count) if log_weights is None else _weights(log_weights)
    draws, weights = draws[:, weights > 0], weights[weights > 0]  # the others say nothing, whatever they are
    with np.errstate(invalid="ignore"):
        below = (draws < truth[:, None]) @ weights
        tied = (draws == truth[:, None]) @ weights
        mean = draws @ weights
        worth = _worth(weights, ess, len(truth))
        scatter = np.square(draws - mean[:, None]) @ weights
        sd = np.sqrt(scatter * worth / np.maximum(worth - 1, np.finfo(float).tiny))
        place = (worth * below + uniform * (1 + worth * tied)) / (worth + 1)
    known = np.isfinite(draws).all(axis=1) & ~np.isnan(truth)
    return Placed(np.where(known, place, np.nan), worth, np.where(known, mean, np.nan), np.where(known, sd, np.nan))


def _weights(log_weights: Floats) -> Floats:
    weights: Floats = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    return weights


def _worth(weights: Floats, ess: Floats | None, quantities: int) -> Floats:
    """How many independent draws: Kong's number of the weights, or what is known to be less; at least one."""
    most = np.full(quantities, 1 / np.square(weights).sum())
    return most if ess is None else np.clip(np.where(np.isfinite(ess), ess, most), 1.0, most)

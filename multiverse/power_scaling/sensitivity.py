"""How much a posterior moves when its prior, or its likelihood, is raised to a power near 1; of many universes at once.

Density-space power: the powered prior is that of the latent sites on their own, constrained scale, without Jacobian,
and the powered likelihood that of the observed sites: the log densities that are kept with each draw. Nothing is
sampled again: the draws are weighed by density^(power - 1), Pareto-smoothed.

Sources: Kallioinen, Paananen, Bürkner, Vehtari 2024, Statistics and Computing 34:57, doi:10.1007/s11222-023-10366-5.
The rules are those of the R package priorsense and of ArviZ's `psense`, but that only the upper tail of the weights is
smoothed, and for independent draws; the weights are so near to equal that this moves the third digit at most.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import MIN_DRAWS, Floats, ess_mean
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import normalised
from multiverse.power_scaling.distance import cjs_distances

POWERS: Final = (0.99, 1.01)  # the difference quotient at 1; priorsense's and ArviZ's defaults
BLOCK_NUMBERS: Final = 1 << 17  # draws looked at together, so that the arrays stay in the cache


class Moved(NamedTuple):
    """What raising one density to a power does, each (n,).

    sensitivity: by how much the cumulative Jensen-Shannon distance from the posterior grows when the power doubles
    (its slope in log2 of the power, at 1). noise: what the sensitivity would be of draws that have nothing to do with
    the density, for their number. khat: Pareto's k-hat of the weights, the worse one; NaN where none stands out.
    """

    sensitivity: Floats
    noise: Floats
    khat: Floats


def sensitivities(draws: Floats, log_density: Floats) -> Moved:
    """Of draws of a scalar, and of a log density with them in nats, both (n, chain, draw).

    For scale: where a normal posterior keeps its sd and its mean moves by s sd as the power doubles, the sensitivity is
    about 0.22 s. NaN where a number is not finite, all draws are equal, or there are fewer than `MIN_DRAWS` a chain.
    """
    n, chains, length = draws.shape
    out = np.full((3, n), np.nan)
    size = max(1, BLOCK_NUMBERS // max(1, chains * length))
    for start in range(0, n if length >= MIN_DRAWS else 0, size):
        rows = slice(start, start + size)
        x, density = (a[rows].astype(np.float64) for a in (draws, log_density))
        good = np.isfinite(x).all(axis=(1, 2)) & np.isfinite(density).all(axis=(1, 2))
        if good.any():
            out[:, rows][:, good] = _moved(x[good], density[good])
    return Moved(*out)


def _moved(x: Floats, density: Floats) -> Floats:
    flat = x.reshape(len(x), -1)
    order = np.argsort(flat, axis=1)
    ascending = np.take_along_axis(flat, order, axis=1)
    logs = np.take_along_axis(density.reshape(flat.shape), order, axis=1)
    slopes, khats = [], []
    for power in POWERS:
        khat, log_weights = smooth((power - 1) * logs)
        slopes.append(cjs_distances(ascending, normalised(log_weights)) / abs(np.log2(power)))
        khats.append(np.where(np.isinf(khat), np.nan, khat))  # no weight stands out: there is no tail to fear
    return np.array([np.mean(slopes, axis=0), _noise(ascending, density), np.fmax(*khats)])


def _noise(ascending: Floats, density: Floats) -> Floats:
    """The root of the mean squared sensitivity where a scalar and a density are independent.

    To second order the squared distance is the integral of d^2 / F over 8 ln 2 that of F, with d the change of the
    distribution function F: ln 2 times the covariance of the log density with "at most x", for a doubled power. Of
    independent ones that has the variance F (1 - F) var(log density) / ESS.
    """
    below = np.arange(1, ascending.shape[1]) / ascending.shape[1]
    width = np.diff(ascending, axis=1)
    with np.errstate(all="ignore"):
        ratio = (width * (1 - below)).sum(axis=1) / (width * below).sum(axis=1)
        variance = np.var(density, axis=(1, 2), ddof=1) / ess_mean(density)
        noise: Floats = np.sqrt(np.log(2) / 8 * variance * np.maximum(ratio, 1 / ratio))
    return noise

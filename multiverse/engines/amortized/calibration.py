"""Whether a network is calibrated: ranks of true parameters among its draws, on simulations that it never saw.

Source: Talts et al. 2018, Validating Bayesian inference algorithms with simulation-based calibration, arXiv:1804.06788.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from multiverse.engines.diagnostics import Floats

BINS: Final = 8  # of ranks; a chi-squared test wants some 5 simulations in each at least (Cochran 1954), here 16


def calibration_p(truth: Floats, draws: Floats) -> float:
    """A p-value of "ranks are uniform" for all coordinates together: that of the worst, times how many there are.

    truth: (simulation, dimension). draws: (simulation, draw, dimension), as they come from the network. At most 1;
    where nothing is finite, 0.
    """
    return uniform_p(ranks_of(truth, draws))


def ranks_of(truth: Floats, draws: Floats) -> Floats:
    """The share of draws below the truth, (simulation, dimension); NaN where a simulation or its draws are not finite.

    truth, draws: as `calibration_p` has them.
    """
    good = np.asarray(np.isfinite(truth).all(axis=1) & np.isfinite(draws).all(axis=(1, 2)))
    below = np.asarray(draws < truth[:, None, :]).mean(axis=1)
    return np.where(good[:, None], below, np.nan)


def uniform_p(ranks: Floats) -> float:
    """The p-value of `calibration_p`, of ranks as `ranks_of` gives them."""
    from scipy import stats

    ranks = ranks[np.isfinite(ranks).all(axis=1)]
    if not len(ranks):
        return 0.0
    place = np.minimum((ranks * BINS).astype(int), BINS - 1)
    counts = np.stack([(place == i).sum(axis=0) for i in range(BINS)])  # (bin, dimension)
    p_values = stats.chisquare(counts, axis=0).pvalue
    return float(min(1.0, np.min(p_values) * ranks.shape[1]))

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
    from scipy import stats

    good = np.isfinite(truth).all(axis=1) & np.isfinite(draws).all(axis=(1, 2))
    if not good.any():
        return 0.0
    ranks = (draws[good] < truth[good][:, None, :]).mean(axis=1)  # (simulation, dimension), in [0, 1]
    place = np.minimum((ranks * BINS).astype(int), BINS - 1)
    counts = np.stack([(place == i).sum(axis=0) for i in range(BINS)])  # (bin, dimension)
    p_values = stats.chisquare(counts, axis=0).pvalue
    return float(min(1.0, np.min(p_values) * truth.shape[1]))

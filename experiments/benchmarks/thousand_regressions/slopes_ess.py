"""One definition of effective sample size for all sides: ArviZ's bulk ESS, of the slope where it is smallest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def smallest_ess(slopes: Sequence[np.ndarray]) -> float:
    """Mean over universes of the smallest bulk ESS of a slope; slopes: one (chain, draw, slope) for each universe."""
    import arviz as az

    stacked = np.stack([np.asarray(draws, np.float64) for draws in slopes], axis=2)  # (chain, draw, universe, slope)
    ess = az.ess(az.convert_to_dataset({"b": stacked}), method="bulk")["b"].to_numpy()  # (universe, slope)
    return float(ess.min(axis=1).mean())

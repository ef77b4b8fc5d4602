"""Difference-in-differences: all controls alike, all years alike."""

from __future__ import annotations

import numpy as np

from panel_estimators.panel import Panel, Ridge, Solve, Weights


def difference_in_differences(panel: Panel, ridge: Ridge, solve: Solve) -> Weights:
    """Equal weights; nothing is fitted, so that `ridge` and `solve` are not used."""
    count = len(panel.controls)
    return Weights(np.full(count, 1 / count), np.full(panel.before, 1 / panel.before))

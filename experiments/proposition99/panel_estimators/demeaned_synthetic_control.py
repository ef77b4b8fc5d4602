"""Demeaned synthetic control: a mixture that runs parallel to the treated unit before treatment."""

from __future__ import annotations

import numpy as np

from panel_estimators.panel import Panel, Ridge, Solve, Weights


def demeaned_synthetic_control(panel: Panel, ridge: Ridge, solve: Solve) -> Weights:
    """The mixture nearest to the treated unit up to a constant gap, and the mean gap before to subtract.

    Source: Doudchenko and Imbens 2016, NBER working paper 22791; Ferman and Pinto 2021, Quantitative Economics 12(4).
    Called DIFP by Arkhangelsky et al. 2021.
    """
    before = slice(panel.before)
    mixture = solve(panel.controls[:, before].T, panel.treated[before], ridge.controls, True)
    return Weights(mixture, np.full(panel.before, 1 / panel.before))

"""Synthetic control: a mixture of controls that has the treated unit's level before treatment."""

from __future__ import annotations

import numpy as np

from panel_estimators.panel import Panel, Ridge, Solve, Weights


def synthetic_control(panel: Panel, ridge: Ridge, solve: Solve) -> Weights:
    """The mixture of controls nearest to the treated unit in all years before; no year is subtracted.

    Source: Abadie, Diamond and Hainmueller 2010, JASA 105(490), without covariates.
    """
    before = slice(panel.before)
    mixture = solve(panel.controls[:, before].T, panel.treated[before], ridge.controls, False)
    return Weights(mixture, np.zeros(panel.before))

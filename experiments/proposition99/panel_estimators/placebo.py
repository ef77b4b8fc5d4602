"""What the method finds where nothing happened: each control treated as if it were the treated unit."""

from __future__ import annotations

import numpy as np

from panel_estimators.panel import Array, Method, Panel, Ridge, Solve, effects


def placebo_effects(panel: Panel, method: Method, ridge: Ridge, solve: Solve) -> Array:
    """Effects (control, after) on each control, from the other controls; the treated unit takes no part.

    Algorithm 4 of Arkhangelsky et al. 2021 draws the control at random, 200 times. With one treated unit there are
    only as many different draws as controls, and these are all of them: the standard deviation over them is what
    the algorithm's standard error tends to as draws are added. As there, the ridge is the one of the whole panel.
    """
    found = []
    for i, treated in enumerate(panel.controls):
        others = np.delete(panel.controls, i, axis=0)
        placebo = Panel(others, treated, panel.before)
        found.append(effects(placebo, method(placebo, ridge, solve)))
    return np.array(found)

"""A panel with one treated unit, and what weights on its units and years say of the effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Solve = Callable[[Array, Array, float, bool], Array]
"""`(columns (row, column), target (row,), zeta, intercept) -> weights (column,)`: see `simplex.nearest_mixture`."""


class Panel(NamedTuple):
    """Outcomes of the controls (control, year) and of the treated unit (year,), which `before` years were untreated."""

    controls: Array
    treated: Array
    before: int

    @property
    def after(self) -> int:
        """How many years the unit was treated."""
        return len(self.treated) - self.before


class Weights(NamedTuple):
    """How a counterfactual is mixed: weights on controls (control,) and on the years before treatment (before,)."""

    controls: Array
    years: Array


class Ridge(NamedTuple):
    """Strengths of the penalties, in units of the outcome: on the weights of controls, and of years."""

    controls: float
    years: float


Method = Callable[[Panel, Ridge, Solve], Weights]


def effects(panel: Panel, weights: Weights) -> Array:
    """The effect in each treated year, (after,): the gap to the weighted controls, less its weighted mean before.

    Difference-in-differences, synthetic control and synthetic difference-in-differences are this, with other weights:
    Arkhangelsky et al. 2021, American Economic Review 111(12), section 1.
    """
    gap = panel.treated - weights.controls @ panel.controls
    return gap[panel.before :] - weights.years @ gap[: panel.before]


def noise(panel: Panel) -> float:
    """Standard deviation of year-to-year changes of the controls before treatment: sigma of Algorithm 1."""
    return float(np.diff(panel.controls[:, : panel.before], axis=1).std(ddof=1))

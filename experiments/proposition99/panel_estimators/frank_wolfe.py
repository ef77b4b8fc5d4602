"""The same mixture as the authors compute it: Frank-Wolfe steps, stopped by a tolerance or a number of steps."""

from __future__ import annotations

import numpy as np

from panel_estimators.panel import Array

FIRST_STEPS = 100  # before small weights are set to zero: `max.iter.pre.sparsify` of the R package synthdid 0.0.9
STEPS = 10_000  # and after: its `max.iter`
LEAST_DECREASE = 1e-5  # times the noise, squared: a step that improves the mean square by less is the last
SMALL = 0.25  # weights up to this share of the largest are set to zero between the two rounds


def stopped_mixture(
    columns: Array, target: Array, zeta: float, intercept: bool, *, noise: float, steps: int = STEPS
) -> Array:
    """Weights (column,) where the authors' solver stops: near those of `simplex.nearest_mixture`, not equal.

    columns: (row, column). target: (row,). zeta: strength of the ridge. intercept: whether the mixture may be shifted.
    noise: `panel.noise`, which sets the tolerance. steps: at most so many in the second round.
    Source: Arkhangelsky et al. 2021, and the defaults of their R package; written anew.
    """
    if intercept:
        columns, target = columns - columns.mean(axis=0), target - target.mean()
    tolerance = (LEAST_DECREASE * noise) ** 2
    start = np.full(columns.shape[1], 1 / columns.shape[1])
    weights = _descend(columns, target, zeta, start, tolerance, FIRST_STEPS)
    weights = np.where(weights > SMALL * weights.max(), weights, 0.0)
    return _descend(columns, target, zeta, weights / weights.sum(), tolerance, steps)


def _descend(columns: Array, target: Array, zeta: float, weights: Array, tolerance: float, steps: int) -> Array:
    """Steps towards the best corner of the simplex, each as long as is best, until one gains too little."""
    rows, loss = len(target), float("inf")
    ridge = rows * zeta**2
    fitted = columns @ weights
    for step in range(steps):
        slope = (fitted - target) @ columns + ridge * weights
        corner = int(np.argmin(slope))
        towards: Array = -weights
        towards[corner] += 1.0
        change = columns[:, corner] - fitted
        curvature = change @ change + ridge * (towards @ towards)
        if curvature == 0.0:  # at the corner already
            break
        length = min(1.0, max(0.0, float(-(slope @ towards) / curvature)))
        weights, fitted = weights + length * towards, fitted + length * change
        error = fitted - target
        before, loss = loss, float(zeta**2 * (weights @ weights) + error @ error / rows)
        if step > 0 and before - loss <= tolerance:
            break
    return weights

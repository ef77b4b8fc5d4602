"""The mixture of columns that comes nearest to a target, exactly."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from panel_estimators.panel import Array


def nearest_mixture(columns: Array, target: Array, zeta: float, intercept: bool) -> Array:
    """Weights (column,), not negative and of sum 1, that minimise |columns @ w - target|^2 + rows zeta^2 |w|^2.

    columns: (row, column). target: (row,). zeta: strength of the ridge, in units of the outcome. intercept: whether
    the mixture may be shifted by a constant, at no cost.

    Exact up to rounding, in a finite number of steps: since weights sum to 1, the target is subtracted from each
    column, and the weights are those of the point of a polytope nearest to the origin. Non-negative least squares of
    the same columns with a row of ones, against (0, ..., 0, 1), gives that point times a number (its minimum over the
    sum of the weights separates from the one over their proportions), and dividing by the sum takes the number away.
    """
    if intercept:
        columns, target = columns - columns.mean(axis=0), target - target.mean()
    rows, count = columns.shape
    stacked = np.vstack([columns - target[:, None], np.sqrt(rows) * zeta * np.eye(count)])
    stacked /= np.abs(stacked).max() or 1.0  # the row of ones shall weigh as much as the others
    weights, _ = nnls(np.vstack([stacked, np.ones(count)]), np.append(np.zeros(len(stacked)), 1.0))
    return np.asarray(weights / weights.sum())

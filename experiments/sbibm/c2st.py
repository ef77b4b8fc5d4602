"""The classifier two-sample score: the share of draws that a network finds the right sample of, two being given.

The same distributions have 0.5, those that do not meet 1. Measured as Lueckmann et al. 2021 do (arXiv:2101.04653), so
that scores compare: two hidden layers of ten units a dimension, five-fold cross-validation, draws in units of the
reference. Source: Lopez-Paz and Oquab 2017, ICLR, arXiv:1610.06545.
"""

from __future__ import annotations

from typing import Final

import numpy as np

FOLDS: Final = 5
UNITS: Final = 10  # of a hidden layer, a dimension
EPOCHS: Final = 10_000  # at most; training ends where the loss does


def c2st(reference: np.ndarray, draws: np.ndarray, seed: int = 1) -> float:
    """The share of draws that are told right, in folds that were not trained on; both samples (draw, dimension)."""
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    centre, scale = reference.mean(axis=0), reference.std(axis=0, ddof=1)
    both = (np.concatenate([reference, draws]) - centre) / scale
    which = np.repeat([0.0, 1.0], [len(reference), len(draws)])
    units = UNITS * reference.shape[1]
    network = MLPClassifier((units, units), activation="relu", solver="adam", max_iter=EPOCHS, random_state=seed)
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    return float(np.mean(cross_val_score(network, both, which, cv=folds, scoring="accuracy")))

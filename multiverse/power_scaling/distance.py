"""How far two distributions lie apart that have the same draws and other weights, in vectorised NumPy."""

from __future__ import annotations

import numpy as np

from multiverse.engines.diagnostics import Floats


def cjs_distances(ascending: Floats, weights: Floats) -> Floats:
    """Cumulative Jensen-Shannon distance between equally weighted draws and the same draws with other weights, (n,).

    ascending: (n, draw), sorted; weights: (n, draw), in the same places, each row with the sum 1. In [0, 1], without
    unit: the divergence of the two distribution functions, or that of the functions of minus the draws where it is
    larger, is over its upper bound. 0 where the weights are equal; NaN where all draws are.
    Sources: Nguyen and Vreeken 2015, doi:10.1007/978-3-319-23525-7_11; Kallioinen et al. 2024,
    doi:10.1007/s11222-023-10366-5.
    """
    n = ascending.shape[1]
    width = np.diff(ascending, axis=1)  # (n, draw - 1), of each step of the distribution functions
    p = np.arange(1, n) / n
    q = np.clip(np.cumsum(weights, axis=1)[:, :-1], 0.0, 1.0)
    return np.sqrt(np.maximum(_divergence(p, q, width), _divergence(1 - p, 1 - q, width)))


def _divergence(p: Floats, q: Floats, width: Floats) -> Floats:
    """Of two functions (n, step), both ways, over its bound. It is of second order in their difference, and told so."""
    both = p + q
    with np.errstate(all="ignore"):
        t = (q - p) / both  # in [-1, 1]
        apart = _log1p_share(t) + _log1p_share(-t)
        divergence: Floats = (width * both * apart).sum(axis=1) / (2 * np.log(2) * (width * both).sum(axis=1))
    return divergence


def _log1p_share(t: Floats) -> Floats:
    """(1 + t) log(1 + t), which is 0 at -1."""
    return np.where(t > -1, (1 + t) * np.log1p(t), 0.0)

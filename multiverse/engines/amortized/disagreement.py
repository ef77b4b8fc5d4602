"""How far the networks of an ensemble disagree: they saw other random numbers and the same simulations.

Where the data tell the parameters, networks that have learnt agree; where they disagree, what one says is not what was
to be learnt, or was never seen. Source: Lakshminarayanan, Pritzel, Blundell 2017, arXiv:1612.01474.
"""

from __future__ import annotations

import numpy as np

from multiverse.engines.diagnostics import Floats


def disagreement(u: Floats, member: np.ndarray) -> float:
    """The worst over coordinates of: the spread between networks of their means, in posterior sds; of their log sds.

    What networks that agree would show in so many draws is subtracted. u: (draw, dimension); member: (draw,), which
    network each is from. NaN for a single network.
    """
    groups = [u[member == one] for one in np.unique(member)]
    if len(groups) < 2:
        return float("nan")
    # Quantiles, since a network may have tails without moments; 0.6745 is the upper quartile of a normal.
    low, middle, high = np.moveaxis(np.array([np.quantile(g, [0.25, 0.5, 0.75], axis=0) for g in groups]), 1, 0)
    sd = np.maximum((high - low) / (2 * 0.6745), 1e-12)
    each = min(len(group) for group in groups)
    noise_middle = np.pi / 2 / each  # variance of a median of normals, in their variance
    noise_log_sd = 1.36 / each  # of the log of an interquartile range of normals: asymptotic variance of two quartiles
    places = middle.var(axis=0, ddof=1) / np.square(sd).mean(axis=0) - noise_middle
    widths = np.log(sd).var(axis=0, ddof=1) - noise_log_sd
    return float(np.sqrt(max(places.max(), widths.max(), 0.0)))

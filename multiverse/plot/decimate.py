"""Which universes of a very large multiverse are drawn: a figure of 10^5 marks is slow, heavy and no clearer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiverse.plot.curve_data import ends

DRAWN_MOST = 2000  # universes drawn; a PDF grows by some 3 KiB a universe, and at 183 mm a universe is 0.15 points wide
RED_MOST = 100  # red ones drawn beyond their share in all, so that none is missed while the curve stays visible


def drawn(universes: pd.DataFrame, most: int = DRAWN_MOST) -> pd.DataFrame:
    """The rows of `CurveData.universes` to draw: all, or about `most` of them, with their true ranks.

    Kept always: the smallest and the largest median, the lowest and the highest end of an interval, the reference
    universe, and red universes up to RED_MOST (evenly thinned beyond). The others are evenly spaced in rank.
    """
    n = len(universes)
    if n <= most:
        return universes
    keep = np.zeros(n, dtype=bool)
    keep[_even(np.arange(n), most)] = True
    keep[_even(np.flatnonzero(~universes["ok"].to_numpy()), RED_MOST)] = True
    keep[np.flatnonzero(universes["reference"].to_numpy())] = True
    reach = ends(universes)
    keep[[0, n - 1, int(reach["q2_5"].to_numpy().argmin()), int(reach["q97_5"].to_numpy().argmax())]] = True
    return universes[keep]


def _even(places: np.ndarray, most: int) -> np.ndarray:
    if len(places) <= most:
        return places
    chosen: np.ndarray = places[np.round(np.linspace(0, len(places) - 1, most)).astype(int)]
    return chosen

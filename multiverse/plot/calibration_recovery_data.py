"""What the figure of recovery shows, as a table: truths beside posterior means, z-scores beside contraction."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from multiverse.calibration.recovery import Recovery

QUANTITIES: Final = 8  # drawn at most, in their order; two panels each
POINTS: Final = 1000  # data sets drawn of a quantity at most


def recovery_data(recovery: Recovery) -> pd.DataFrame:
    """The points drawn: rows of `Recovery.points` with a number of their panel, evenly spaced where there are many."""
    out = []
    for panel, (_, rows) in enumerate(recovery.points.groupby("quantity", sort=False)):
        if panel == QUANTITIES:
            break
        finite = rows[np.isfinite(rows[["truth", "mean", "z"]].to_numpy(float)).all(axis=1)]
        chosen = np.unique(np.linspace(0, len(finite) - 1, min(len(finite), POINTS)).astype(int))
        out.append(finite.iloc[chosen].assign(panel=panel) if len(finite) else finite.assign(panel=panel))
    empty = recovery.points.assign(panel=0)
    return pd.concat(out, ignore_index=True) if out else empty

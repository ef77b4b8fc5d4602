"""What the figure of coverage shows, as a table: the share of truths that intervals of each level hold."""

from __future__ import annotations

from typing import Final

import pandas as pd

from multiverse.calibration.coverage import Coverage
from multiverse.calibration.simulations import WHOLE

PANELS: Final = 12  # quantities at most: more would be too small on one page


def coverage_data(coverage: Coverage) -> pd.DataFrame:
    """A row for each quantity, option and level that is drawn: those of `Coverage.table`, with a number of its panel.

    Of more than `PANELS` quantities those with the smallest p-values are drawn.
    """
    rows = coverage.table[coverage.table["n"] > 0]
    first = rows.groupby("quantity", sort=False)["p_value"].min().sort_values(kind="stable").index[:PANELS]
    kept = [name for name in dict.fromkeys(rows["quantity"]) if name in set(first)]
    data = rows[rows["quantity"].isin(kept)].copy()
    data.insert(0, "panel", data["quantity"].map({name: i for i, name in enumerate(kept)}))
    return data.assign(whole=data["decision"] == WHOLE).reset_index(drop=True)

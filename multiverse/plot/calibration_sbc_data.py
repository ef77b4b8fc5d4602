"""What the figure of simulation-based calibration shows, as a table: paths of ECDF differences and their bands."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from multiverse.calibration.ecdf_bands import band, ecdf
from multiverse.calibration.sbc import FINE, SBC
from multiverse.calibration.simulations import WHOLE, Simulations, green

PANELS: Final = 12  # at most: more would be too small on one page
LEVEL: Final = 0.95  # of each band that is drawn, by itself; verdicts are held to all bands together


def sbc_data(sbc: SBC, simulations: Simulations) -> pd.DataFrame:
    """Paths to draw, at most `PANELS`: every quantity over all universes, then options, the smallest p first.

    simulations: as the same answers gave them. A row for each panel and point: panel (from 0), quantity, decision,
    option, n, p_value, verdict, place (0 to 1), difference (share of truths up to that place, less the place), lower,
    upper (of the band of 95 % for one path). The ends, where all is 0, are among the points.
    """
    rows = sbc.table[sbc.table["n"] > 0]
    whole = rows["decision"] == WHOLE
    order = pd.concat([rows[whole], rows[~whole].sort_values("p_value", kind="stable")]).head(PANELS)
    table, out = green(simulations.table), []
    for panel, row in enumerate(order.to_dict("records")):
        mine = table[table["quantity"] == row["quantity"]]
        if row["decision"] != WHOLE:
            mine = mine[mine[row["decision"]] == row["option"]]
        edge = band(len(mine), LEVEL)
        at = np.concatenate([[0.0], edge.points, [1.0]])
        paths = (
            np.concatenate([[0.0], values - edge.points, [0.0]])
            for values in (ecdf(mine["place"], edge.points), edge.lower, edge.upper)
        )
        difference, lower, upper = paths
        named = {name: row[name] for name in ("quantity", "decision", "option", "n", "p_value", "verdict")}
        out.append(
            pd.DataFrame(
                {"panel": panel, **named, "place": at, "difference": difference, "lower": lower, "upper": upper}
            )
        )
    columns = ["panel", "quantity", "decision", "option", "n", "p_value", "verdict"]
    empty = pd.DataFrame(columns=[*columns, "place", "difference", "lower", "upper"])
    return pd.concat(out, ignore_index=True) if out else empty


def is_off(rows: pd.DataFrame) -> bool:
    """Whether the path of a panel leaves its band, by the verdict on all of them."""
    return bool(rows["verdict"].iloc[0] != FINE)

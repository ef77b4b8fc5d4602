"""How much each universe weighs: all alike, or each branch of an `only_when` alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from multiverse.aggregate.estimates import DecisionInfo, codes
from multiverse.aggregate.linked import together
from multiverse.aggregate.weigh import BRANCHES


def weights(
    table: pd.DataFrame, decisions: Mapping[str, DecisionInfo], weigh: str, links: Sequence[Sequence[str]] = ()
) -> np.ndarray:
    """(rows,) the weight of each universe; they sum to 1.

    `universes`: all alike, so a decision that applies only sometimes gives more weight to where it applies. `branches`:
    where a decision does not apply, a universe weighs as much as those would together that differed in it alone (as
    many as it has options; linked decisions count as one). So two tails of Student's t weigh together what the one
    normal family does: at each fork of the tree the options share alike.
    """
    rows = len(table)
    weight = np.ones(rows)
    if weigh == BRANCHES:
        for names in together(decisions, links):
            idle = np.all([codes(table, name, decisions[name]) < 0 for name in names], axis=0)
            weight[idle] *= len(decisions[names[0]].labels)
    share: np.ndarray = weight / weight.sum() if rows else weight
    return share


def weighted_share(true: np.ndarray, among: np.ndarray, weight: np.ndarray) -> float:
    """The weight of the rows that are true as a part of those among whom it is asked; exactly 0 or 1 for none or all.

    NaN where it is asked of none.
    """
    if not among.any():
        return float("nan")
    if np.ptp(weight[among]) == 0:
        return float(true[among].mean())
    yes, no = float(weight[among & true].sum()), float(weight[among & ~true].sum())
    return yes / (yes + no)

"""How much each universe weighs: all alike, each branch of an `only_when` alike, or as its evidence says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from multiverse.aggregate.comparable import LOG_MARGINAL
from multiverse.aggregate.estimates import DecisionInfo, codes
from multiverse.aggregate.linked import together
from multiverse.aggregate.sources import SOURCE, sources
from multiverse.aggregate.weigh import BRANCHES, EVIDENCE


def weights(
    table: pd.DataFrame, decisions: Mapping[str, DecisionInfo], weigh: str, links: Sequence[Sequence[str]] = ()
) -> np.ndarray:
    """(rows,) the weight of each universe; they sum to 1.

    `universes`: all alike, so a decision that applies only sometimes gives more weight to where it applies. `branches`:
    where a decision does not apply, a universe weighs as much as those would together that differed in it alone (as
    many as it has options; linked decisions count as one). So two tails of Student's t weigh together what the one
    normal family does: at each fork of the tree the options share alike. `evidence`: as their marginal likelihoods,
    which are posterior probabilities of analyses that are alike beforehand (Bayesian model averaging: Hoeting, Madigan,
    Raftery, Volinsky 1999, doi:10.1214/ss/1009212519); exact duplicates are one analysis, and share its weight. The
    table has then `LOG_MARGINAL`, nats on one set of observed values (`comparable`); NaN weighs nothing.
    """
    rows = len(table)
    if weigh == EVIDENCE:
        return _of_evidence(table)
    weight = np.ones(rows)
    if weigh == BRANCHES:
        for names in together(decisions, links):
            idle = np.all([codes(table, name, decisions[name]) < 0 for name in names], axis=0)
            weight[idle] *= len(decisions[names[0]].labels)
    share: np.ndarray = weight / weight.sum() if rows else weight
    return share


def _of_evidence(table: pd.DataFrame) -> np.ndarray:
    logs = table[LOG_MARGINAL].to_numpy(dtype=float)
    if not np.isfinite(logs).any():
        return np.full(len(logs), 1 / max(len(logs), 1))
    analysis = table[SOURCE].to_numpy() if SOURCE in table else sources(table)
    weight = np.nan_to_num(np.exp(logs - np.nanmax(logs))) / np.bincount(analysis)[analysis]
    share: np.ndarray = weight / weight.sum()
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

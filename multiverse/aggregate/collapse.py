"""Universes that differ only in parameterization, made one: they estimate the same posterior and must count once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from multiverse.aggregate.comparable import LOG_MARGINAL
from multiverse.aggregate.estimates import NUMBERS, PARAMETERIZATION, DecisionInfo, codes
from multiverse.aggregate.intervals import KINDS
from multiverse.aggregate.sources import SOURCE, sources, sources_of
from multiverse.aggregate.weigh import EVIDENCE, UNIVERSES, WEIGHT
from multiverse.aggregate.weights import weights

AVERAGED = "_universes"  # a column that no decision hides: their names do not begin with an underscore


def analyses(decisions: Mapping[str, DecisionInfo]) -> dict[str, DecisionInfo]:
    """The decisions whose options make a different analysis: all but those of kind parameterization."""
    return {name: info for name, info in decisions.items() if info.kind != PARAMETERIZATION}


def collapse(
    table: pd.DataFrame,
    decisions: Mapping[str, DecisionInfo],
    weigh: str = UNIVERSES,
    links: Sequence[Sequence[str]] = (),
) -> pd.DataFrame:
    """One row per distinct analysis: the rows of `table` that differ only in parameterization, averaged.

    table: rows as in `Estimates.table`, all with numbers; weigh, links: as in `weights`. Returns `key` (of the first of
    them, or of the reference universe), the columns of the other decisions, `reference` (any of them is), AVERAGED
    (how many were averaged), WEIGHT (of the distinct analysis; they sum to 1), SOURCE (equal where they are exact
    duplicates, which have one Monte Carlo error between them), and the numbers: means of mean,
    median, quantiles and p_positive; sd is the root of the mean variance; ess adds up; mcse_mean is that of an average
    of independent runs, sqrt(sum mcse^2) / n. The average weighs runs equally: weights by 1/mcse^2 would trust most the
    chain that is stuck and knows it least. `interval` is the weakest kind among them: where one tells no uncertainty,
    the average tells none.
    """
    kept = analyses(decisions)
    group, first = groups_of(table, kept)
    size = np.bincount(group, minlength=len(first))
    summed = {name: np.bincount(group, table[name].to_numpy(), len(first)) for name in NUMBERS}
    variance = np.bincount(group, table["sd"].to_numpy() ** 2, len(first)) / size
    error = np.bincount(group, np.nan_to_num(table["mcse_mean"].to_numpy()) ** 2, len(first))
    out = table[list(kept)].iloc[first].reset_index(drop=True)
    out.insert(0, "key", table["key"].to_numpy()[_named(table["reference"].to_numpy(), group, first)])
    out["reference"] = np.bincount(group, table["reference"].to_numpy(), len(first)) > 0
    out[AVERAGED] = size
    out[SOURCE] = sources_of(sources(table), group, len(first))
    if weigh == EVIDENCE:
        out[LOG_MARGINAL] = table[LOG_MARGINAL].groupby(group).mean()  # of those that tell it: they have one posterior
    out[WEIGHT] = weights(out, kept, weigh, links)
    out["interval"] = _weakest(table["interval"], group, len(first))
    for name, total in summed.items():
        out[name] = total / size
    out["sd"], out["mcse_mean"], out["ess"] = np.sqrt(variance), np.sqrt(error) / size, summed["ess"]
    return out


def _named(reference: np.ndarray, group: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The row whose key stands for each group."""
    named = first.copy()
    named[group[reference]] = np.flatnonzero(reference)
    return named


def _weakest(kinds: pd.Series, group: np.ndarray, groups: int) -> pd.Series:
    weakest = np.full(groups, len(KINDS) - 1)
    np.minimum.at(weakest, group, pd.Categorical(kinds, categories=list(KINDS)).codes)
    return pd.Series(np.array(KINDS, dtype=object)[weakest], dtype=object)


def groups_of(table: pd.DataFrame, kept: Mapping[str, DecisionInfo]) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) the number of each row's group, in order of first appearance, and (groups,) the first row of each.

    kept: decisions; rows with the same options of them are a group.
    """
    columns = [codes(table, name, info) for name, info in kept.items()]
    if not columns:
        return np.zeros(len(table), dtype=np.int64), np.arange(min(1, len(table)))
    _, first, group = np.unique(np.stack(columns, axis=1), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[group.ravel()], first[order]

"""One posterior, reached in several ways: how far the answers of its parameterizations are apart.

They estimate the same number, so nothing but Monte Carlo error may lie between them: what is further apart says that a
sampler did not get everywhere, in one of the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import analyses
from multiverse.aggregate.comparison import OTHER, SAME_RTOL, WITHIN, WORST, furthest_by_chance
from multiverse.aggregate.estimates import Estimates, codes
from multiverse.aggregate.printing import Printed, Shown, count, number, percent, rounded
from multiverse.aggregate.sources import sources

NUTS = "nuts"  # the engine that goes by a parameterization; others may not even see it


@dataclass(frozen=True, eq=False, repr=False)
class Parameterizations(Shown):
    """Answers to one estimand of universes that differ in parameterization only, two by two.

    decisions: those of kind parameterization. posteriors: how many there are in more than one parameterization; of
    them `compared` have two green ones, at least. table: a row a pair of green universes, the furthest apart first:
    key, the other decisions, `by` (the labels of its parameterization), `mean`, `mcse_mean`, `sd`, `engine`, the same
    of the other with `_other` at the end, `difference` (other less this) and `in_mcse` (of it, in combined Monte Carlo
    errors). within: the share of pairs that is within `WITHIN` errors; furthest: the largest `in_mcse` without its
    sign, furthest_expected: its median if pairs differed by Monte Carlo error alone; NaN where there are none.
    """

    estimand: str
    decisions: tuple[str, ...]
    posteriors: int
    compared: int
    within: float
    furthest: float
    furthest_expected: float
    table: pd.DataFrame

    def printed(self) -> Printed:
        """A row for each of the pairs that are furthest apart; what all of them say, below."""
        named = " and ".join(map(repr, self.decisions)) or "parameterization"
        title = f"{self.estimand!r} of universes that differ only in {named}: {count(len(self.table), 'pair')}"
        header = ("furthest apart", "mean", "other mean", "difference", "in MC errors")
        rows = tuple(self._row(row) for _, row in self.table.head(WORST).iterrows())
        return Printed(title, header, rows, tuple(self._notes()))

    def _row(self, row: pd.Series) -> tuple[str, ...]:
        size = float(row["sd"])
        means = (rounded(float(row["mean"]), size), rounded(float(row["mean" + OTHER]), size))
        apart = (number(float(row["difference"])), number(float(row["in_mcse"])))
        return f"{row['key'][:8]}  {row['by']} and {row['by' + OTHER]}", *means, *apart

    def _notes(self) -> list[str]:
        told = [f"{self.compared:,} of {count(self.posteriors, 'posterior')} with two green parameterizations or more"]
        if not len(self.table):
            return told
        told.append(
            f"{percent(self.within)} within {WITHIN:g} combined Monte Carlo errors (chance alone: 95%); the furthest "
            f"at {number(self.furthest)} (chance alone: about {number(self.furthest_expected)})"
        )
        engines = pd.concat([self.table["engine"], self.table["engine" + OTHER]]).dropna()
        if others := sorted(set(engines) - {NUTS}):
            told.append(
                f"some of these answers are from {', '.join(others)}: a run with engine='nuts' compares what NUTS "
                "makes of each parameterization"
            )
        return told


def parameterizations(estimates: Estimates) -> Parameterizations:
    """All pairs of green universes that differ in parameterization only, compared.

    A column `engine` of the estimates is shown where it is there. Exact duplicates share an answer, and are no pair.
    """
    kept = analyses(estimates.decisions)
    changed = [name for name in estimates.decisions if name not in kept]
    group = _groups(estimates, list(kept))
    size = np.bincount(group) if len(group) else np.zeros(0, int)
    pairs = _pairs(_green(estimates, list(kept), changed, group))
    apart = np.abs(pairs["in_mcse"].to_numpy())
    return Parameterizations(
        estimates.estimand,
        tuple(changed),
        posteriors=int((size > 1).sum()),
        compared=int(pairs["_group"].nunique()),
        within=float((apart <= WITHIN).mean()) if len(pairs) else math.nan,
        furthest=float(apart.max()) if len(pairs) else math.nan,
        furthest_expected=furthest_by_chance(len(pairs)),
        table=pairs.drop(columns=["_group"]),
    )


def _groups(estimates: Estimates, kept: Sequence[str]) -> np.ndarray:
    """(rows,) the number of each row's posterior."""
    table = estimates.table
    if not kept:
        return np.zeros(len(table), dtype=int)
    columns = [codes(table, name, estimates.decisions[name]) for name in kept]
    return np.asarray(np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1]).reshape(-1)


def _green(estimates: Estimates, kept: Sequence[str], changed: Sequence[str], group: np.ndarray) -> pd.DataFrame:
    """The green rows with what is compared of them."""
    table = estimates.table
    labels = table[list(changed)].fillna("-").astype(str)
    columns = {f"decision {name}" if name in _OWN else name: table[name] for name in kept}
    engine = table["engine"] if "engine" in table else None
    numbers = {name: table[name] for name in ("mean", "mcse_mean", "sd")}
    by = labels.agg(", ".join, axis=1) if len(table) and changed else ""
    rows = pd.DataFrame(
        {"key": table["key"], **columns, "by": by, **numbers, "engine": engine, "_group": group, "_ran": sources(table)}
    )
    return rows[table["ok"].to_numpy()].assign(_place=lambda green: np.arange(len(green)))


_SIDES = ("key", "by", "mean", "mcse_mean", "sd", "engine", "_place", "_ran")
_OWN = {*_SIDES, *(side + OTHER for side in _SIDES), "difference", "in_mcse"}


def _pairs(green: pd.DataFrame) -> pd.DataFrame:
    """Each two rows of a group, the furthest apart first."""
    both = green.merge(green[["_group", *_SIDES]], on="_group", suffixes=("", OTHER))
    both = both[(both["_place"] < both["_place" + OTHER]) & (both["_ran"] != both["_ran" + OTHER])]
    difference = both["mean" + OTHER] - both["mean"]
    error = np.hypot(both["mcse_mean"].fillna(0.0), both["mcse_mean" + OTHER].fillna(0.0))
    exact = (error == 0) & (difference.abs() <= SAME_RTOL * both["mean"].abs())
    with np.errstate(divide="ignore", invalid="ignore"):
        in_mcse = np.where(exact, 0.0, difference / error)
    both = both.assign(difference=difference, in_mcse=in_mcse).drop(
        columns=["_place", "_place" + OTHER, "_ran", "_ran" + OTHER]
    )
    order = np.lexsort((both["key"], -np.abs(both["in_mcse"].to_numpy())))
    return both.iloc[order].reset_index(drop=True)

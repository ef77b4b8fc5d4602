"""Two runs of one study: how far their answers are apart, in Monte Carlo errors, universe by universe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.estimates import Estimates
from multiverse.aggregate.printing import Printed, Shown, count, number, percent, rounded
from multiverse.aggregate.verified import unverified

WITHIN = (
    2.0  # combined Monte Carlo standard errors; chance alone is within them 95.4 % of the time, if errors are normal
)
SAME_RTOL = 1e-9  # of answers without Monte Carlo error: another order of sums in float64 is below it
WORST = 5  # universes shown
OTHER = "_other"  # the end of a column's name where it is that of the other run


class Pairs(NamedTuple):
    """How many universes: answered in both runs, in one only; of those in both, how many are red, and where."""

    both: int
    here_only: int
    there_only: int
    red_here: int
    red_there: int
    red_in_both: int

    @property
    def compared(self) -> int:
        """Green in both."""
        return self.both - self.red_here - self.red_there - self.red_in_both

    @property
    def changed_colour(self) -> int:
        """Red in one run and green in the other."""
        return self.red_here + self.red_there


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Shown):
    """The answers of two runs to one estimand, over the universes that both have answered.

    runs: the names of this run and of the other. table: a row a universe, the furthest apart first: key, decisions
    that both runs have, `ok`, `mean`, `mcse_mean`, `sd`, `median`, `conclusion` ("above zero", "below zero", "holds
    zero", by the 95 % interval) and `seconds`, the same of the other run with `_other` at the end; `difference` (other
    less this), `in_mcse` and `in_sd` (of it, in combined Monte Carlo errors, and in posterior standard deviations;
    NaN unless both are green), `sign_changed`, `conclusion_changed`. within: the share of the compared that is within
    `WITHIN` errors; furthest: the largest `in_mcse` without its sign, furthest_expected: its median if the runs differ
    by Monte Carlo error alone. sign_changes, conclusion_changes: of the compared. seconds: of all in both, by run.
    NaN where nothing can be compared.
    """

    estimand: str
    runs: tuple[str, str]
    pairs: Pairs
    within: float
    furthest: float
    furthest_expected: float
    sign_changes: int
    conclusion_changes: int
    seconds: tuple[float, float]
    decisions: tuple[str, ...]
    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> pd.DataFrame:
        """The rows of the universes whose sign or conclusion changed, or that are red in one run only."""
        table = self.table
        colour = table["ok"] != table["ok" + OTHER]
        return table[table["sign_changed"] | table["conclusion_changed"] | colour]

    @property
    def _is_exact(self) -> bool:
        """Whether no answer of the compared has a Monte Carlo error."""
        rows = self.table[self.table["difference"].notna()]
        return not (rows[["mcse_mean", "mcse_mean" + OTHER]] > 0).any(axis=None)

    def printed(self) -> Printed:
        """A row for each of the universes that are furthest apart; what all of them say, below."""
        here, there = self.runs
        pairs = self.pairs
        title = (
            f"{self.estimand!r} in run {there!r} against run {here!r}: "
            f"{count(pairs.compared, 'universe')} compared, green in both"
        )
        header = ("furthest apart", here, there, "difference", "in MC errors", "in sd")
        shown = self.table[np.isfinite(self.table["difference"])].head(WORST)
        varying = [name for name in self.decisions if shown[name].nunique(dropna=False) > 1 or len(shown) == 1]
        rows = tuple(self._row(row, varying) for _, row in shown.iterrows())
        return Printed(title, header, rows, tuple(self._notes()))

    def _row(self, row: pd.Series, varying: Sequence[str]) -> tuple[str, ...]:
        options = ", ".join(f"{name} {row[name]}" for name in varying if row[name] is not None)
        size = float(row["sd"])
        means = (rounded(float(row["mean"]), size), rounded(float(row["mean" + OTHER]), size))
        apart = (number(float(row["difference"])), _signed(float(row["in_mcse"])), number(float(row["in_sd"])))
        return f"{row['key'][:8]}  {options}".strip(), *means, *apart

    def _notes(self) -> list[str]:
        here, there = self.runs
        pairs, told = self.pairs, []
        if pairs.compared and self._is_exact:
            same = int((self.table["in_mcse"] == 0).sum())
            told.append(f"no Monte Carlo error: {same:,} of {pairs.compared:,} means are the same to {SAME_RTOL:g}")
        elif pairs.compared:
            told.append(
                f"{percent(self.within)} within {WITHIN:g} combined Monte Carlo errors (chance alone: 95%); the "
                f"furthest at {_signed(self.furthest)} (chance alone: about {number(self.furthest_expected)})"
            )
        if pairs.compared:
            told.append(
                f"another sign in {count(self.sign_changes, 'universe')}, another conclusion of the 95% interval "
                f"against zero in {self.conclusion_changes:,}"
            )
        told.append(
            f"left out: {pairs.red_here:,} red in {here!r} only, {pairs.red_there:,} red in {there!r} only, "
            f"{pairs.red_in_both:,} red in both"
        )
        if pairs.here_only or pairs.there_only:
            told.append(f"answered in one run only: {pairs.here_only:,} in {here!r}, {pairs.there_only:,} in {there!r}")
        told.append(f"seconds for these universes: {number(self.seconds[0])} and {number(self.seconds[1])}")
        return [*told, *self.notes]


def compare(here: Estimates, there: Estimates, runs: tuple[str, str], notes: Sequence[str] = ()) -> Comparison:
    """What two runs say of one estimand, over the universes that both have answered.

    here, there: estimates of runs of one study; a column `seconds` is used where both have it. Universes that are red
    in either are counted and not compared. Monte Carlo errors are those of independent runs: runs of one seed begin
    with the same random numbers, so they may be closer than that.
    """
    shared = [name for name in here.decisions if name in there.decisions]
    told = [*_strangers(here, there, runs), *notes, *filter(None, [unverified(here.verified_by)])]
    table = _joined(here.table, there.table, shared)
    ok, ok_other = table["ok"].to_numpy(dtype=bool), table["ok" + OTHER].to_numpy(dtype=bool)
    both = ok & ok_other
    pairs = Pairs(
        len(table),
        len(here.table) - len(table),
        len(there.table) - len(table),
        int((~ok & ok_other).sum()),
        int((ok & ~ok_other).sum()),
        int((~ok & ~ok_other).sum()),
    )
    apart = np.abs(table["in_mcse"].to_numpy()[both])
    size = int(both.sum())
    errors = np.hypot(table["mcse_mean"].to_numpy(), table["mcse_mean" + OTHER].to_numpy())
    if same := int((both & (errors > 0) & (table["difference"].to_numpy() == 0)).sum()):
        told.append(f"{count(same, 'universe')} with the very same mean: runs of one seed share their draws")
    return Comparison(
        here.estimand,
        runs,
        pairs,
        within=float((apart <= WITHIN).mean()) if size else math.nan,
        furthest=float(apart.max()) if size else math.nan,
        furthest_expected=furthest_by_chance(size),
        sign_changes=int(table["sign_changed"].sum()),
        conclusion_changes=int(table["conclusion_changed"].sum()),
        seconds=(float(table["seconds"].sum()), float(table["seconds" + OTHER].sum())),
        decisions=tuple(_named(name) for name in shared),
        table=table,
        notes=tuple(told),
    )


_FIXED = ("ok", "mean", "mcse_mean", "sd", "median", "conclusion", "seconds")
_OWN = {
    "key",
    "difference",
    "in_mcse",
    "in_sd",
    "sign_changed",
    "conclusion_changed",
    *_FIXED,
    *(f + OTHER for f in _FIXED),
}


def _named(decision: str) -> str:
    """The column of a decision: its name, unless a number is called so."""
    return f"decision {decision}" if decision in _OWN else decision


def _joined(here: pd.DataFrame, there: pd.DataFrame, decisions: Sequence[str]) -> pd.DataFrame:
    left = _numbers(here).join(here[list(decisions)].rename(columns=_named))
    table = left.merge(_numbers(there), on="key", suffixes=("", OTHER))
    both = table["ok"] & table["ok" + OTHER]
    error = np.hypot(table["mcse_mean"].fillna(0.0), table["mcse_mean" + OTHER].fillna(0.0))
    spread = np.sqrt((table["sd"] ** 2 + table["sd" + OTHER] ** 2) / 2)
    difference = (table["mean" + OTHER] - table["mean"]).where(both)
    size = np.maximum(table["mean"].abs(), table["mean" + OTHER].abs())
    exact = (error == 0) & (difference.abs() <= SAME_RTOL * size)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_mcse = np.where(exact, 0.0, difference / error)
        in_sd = np.where(difference == 0, 0.0, difference / spread)
    signs = np.sign(table["median"]) != np.sign(table["median" + OTHER])
    table = table.assign(
        difference=difference,
        in_mcse=np.where(both, in_mcse, np.nan),
        in_sd=np.where(both, in_sd, np.nan),
        sign_changed=both & signs,
        conclusion_changed=both & (table["conclusion"] != table["conclusion" + OTHER]),
    )
    names = [_named(name) for name in decisions]
    columns = ["key", *names, *(name for name in table.columns if name != "key" and name not in names)]
    order = np.lexsort((table["key"], -np.nan_to_num(np.abs(table["in_mcse"]), nan=-1.0, posinf=np.inf)))
    return table[columns].iloc[order].reset_index(drop=True)


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that are compared, of one run."""
    low, high = table["q2_5"], table["q97_5"]
    conclusion = np.select(
        [(low > 0).to_numpy(), (high < 0).to_numpy(), ((low <= 0) & (high >= 0)).to_numpy()],
        ["above zero", "below zero", "holds zero"],
        "no interval",
    )
    seconds = table["seconds"].astype(float) if "seconds" in table else np.nan
    return table.assign(conclusion=conclusion, seconds=seconds)[["key", *_FIXED]]


def _strangers(here: Estimates, there: Estimates, runs: tuple[str, str]) -> list[str]:
    """What is said of decisions that one run has and the other has not."""
    told = []
    for run, own, other in ((runs[0], here, there), (runs[1], there, here)):
        if names := [name for name in own.decisions if name not in other.decisions]:
            told.append(f"decisions of {run!r} alone, not shown: {', '.join(names)}")
    return told


def furthest_by_chance(universes: int) -> float:
    """The median of the largest of so many independent standard normals, without their signs."""
    return NormalDist().inv_cdf((1 + 0.5 ** (1 / universes)) / 2) if universes else math.nan


def _signed(value: float) -> str:
    return ("\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}") if math.isinf(value) else number(value)

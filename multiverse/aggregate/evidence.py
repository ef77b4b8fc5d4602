"""Marginal likelihoods of the universes, and Bayes factors between those that may be compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import analyses as analyses_of
from multiverse.aggregate.collapse import groups_of
from multiverse.aggregate.comparable import (
    APART,
    EVIDENCE_COLUMNS,
    LOG_MARGINAL,
    LOG_MARGINAL_MCSE,
    OBSERVED,
    RELATIVE,
    WHY,
    refusals,
)
from multiverse.aggregate.estimates import SAME_AS, Counts, Estimates
from multiverse.aggregate.printing import Printed, Shown, count, percent
from multiverse.aggregate.sources import sources, sources_of
from multiverse.errors import Problem, ResultError

SHOWN = 8  # sets of observed values, the largest
RELATED = "evidence_relative"
COMPARED = ["log_bayes_factor", "log_bayes_factor_mcse", "posterior_probability"]


class LogBayesFactor(NamedTuple):
    """The log of a ratio of marginal likelihoods, in nats, and its Monte Carlo standard error."""

    value: float
    mcse: float


@dataclass(frozen=True, repr=False)
class Evidence(Shown):
    """Log marginal likelihoods, in nats, and which of them may be compared.

    `table`: a row for each answered universe: key, decisions, reference, ok, reason, same_as, engine, `log_marginal`,
    `log_marginal_mcse`, `evidence_group` (a number that universes share which observe the same values; 0 where nothing
    can be compared, and `no_evidence` says why), `evidence_relative` (whether the log is known up to a constant of the
    group only, as ratios to an anchor are), and of its analysis the `log_bayes_factor` against the best of the
    group, with its `log_bayes_factor_mcse`, and the `posterior_probability` among those of the group, all alike
    beforehand.
    `analyses`: a row for each distinct posterior: `universes` (how many tell it) and the same numbers. Universes that
    differ only in parameterization are one analysis, the mean of their logs, and so are exact duplicates.
    Red universes tell no evidence.
    """

    counts: Counts
    table: pd.DataFrame
    analyses: pd.DataFrame

    def factor(self, key: str, other: str) -> LogBayesFactor:
        """Log Bayes factor of the first universe against the other, in nats: above 0 where the data favour the first.

        Keys, or their beginnings. Raises ResultError where the two may not be compared, and says why.
        """
        first, second = self._row(key), self._row(other)
        for row in (first, second):
            if row["no_evidence"] is not None:
                raise ResultError(
                    _refused(f"the universe {row['key'][:8]} has no evidence to compare: {row['no_evidence']}.")
                )
        if first["evidence_group"] != second["evidence_group"]:
            raise ResultError(
                _refused(f"the universes {first['key'][:8]} and {second['key'][:8]} cannot be compared: {APART}.")
            )
        value = float(first[LOG_MARGINAL] - second[LOG_MARGINAL])
        errors = np.array([first[LOG_MARGINAL_MCSE]]), np.array([second[LOG_MARGINAL_MCSE]])
        error = 0.0 if _ran(first) == _ran(second) else float(_together(*errors, np.array([first[RELATED]]))[0])
        return LogBayesFactor(value, error)

    def printed(self) -> Printed:
        """A row for each set of observed values: how many analyses, the best, how far it stands out."""
        groups = [group for number, group in self.analyses.groupby("evidence_group") if number]
        rows = []
        for group in groups[:SHOWN]:
            ordered = group.sort_values(LOG_MARGINAL, ascending=False)
            best = ordered.iloc[0]
            rows.append(
                (
                    f"same values, {int(best['evidence_group'])}",
                    f"{len(group):,}",
                    best["key"][:8],
                    "-" if best[RELATED] else f"{_nats(best[LOG_MARGINAL])} ± {best[LOG_MARGINAL_MCSE]:.2g}",
                    percent(float(best["posterior_probability"])),
                    _nats(float(ordered["log_bayes_factor"].iloc[-1])),
                )
            )
        header = ("", "analyses", "best", "log evidence", "probability", "worst to best")
        title = f"Evidence, in nats: {replace(self.counts, duplicates=0)}"
        return Printed(title, header, tuple(rows), tuple(self._notes(len(groups))))

    def _notes(self, groups: int) -> list[str]:
        notes = []
        if groups > SHOWN:
            notes.append(f"{groups - SHOWN:,} more sets of values with fewer analyses: in `.table`")
        if groups:
            notes.append("probability: of the best among the analyses of its set, all alike beforehand")
            notes.append("it hangs on the width of priors, however little the posteriors do")
        whys = Counter(self.table.loc[self.table["ok"], "no_evidence"].dropna())
        notes += [f"{count(n, 'universe')} without evidence to compare: {why}" for why, n in whys.most_common()]
        if groups > 1:
            notes.append(f"nothing is compared between sets: {APART}")
        return notes

    def _row(self, key: str) -> pd.Series:
        rows = self.table[self.table["key"].str.startswith(key)]
        if len(rows) != 1:
            what = f"{len(rows) or 'no'} answered universes have a key that begins with {key!r}"
            raise ResultError(Problem(what, "the beginning of one key", "list the keys: `evidence.table['key']`"))
        return rows.iloc[0]


def evidence(estimates: Estimates) -> Evidence:
    """Evidence of all answered universes, in groups that may be compared. estimates: with `EVIDENCE_COLUMNS`."""
    kept = ["key", *estimates.decisions, "reference", "ok", "reason", SAME_AS, "engine", *EVIDENCE_COLUMNS]
    table = estimates.table[kept].rename(columns={RELATIVE: RELATED})
    table["no_evidence"] = refusals(table)
    told = table["no_evidence"].isna()
    sizes = table.loc[told, OBSERVED].value_counts(sort=False).sort_values(ascending=False, kind="stable")
    numbers = {observed: number for number, observed in enumerate(sizes.index, 1)}
    table["evidence_group"] = [numbers[seen] if good else 0 for seen, good in zip(table[OBSERVED], told, strict=True)]
    table.loc[~told, [LOG_MARGINAL, LOG_MARGINAL_MCSE]] = np.nan
    table[COMPARED] = np.nan
    analysis = _analysis(table[told], estimates)
    analyses = _analyses(table[told], analysis)
    table.loc[told, COMPARED] = analyses[COMPARED].to_numpy()[analysis]
    return Evidence(estimates.counts, table.drop(columns=[OBSERVED, WHY]), analyses)


def _analysis(rows: pd.DataFrame, estimates: Estimates) -> np.ndarray:
    """(rows,) the number of the distinct posterior of each: parameterizations and exact duplicates share one."""
    group, first = groups_of(rows, analyses_of(estimates.decisions))
    analysis: np.ndarray = sources_of(sources(rows), group, len(first))[group]
    return analysis


def _analyses(rows: pd.DataFrame, analysis: np.ndarray) -> pd.DataFrame:
    """A row for each distinct posterior: the mean over the runs that tell it, and how it stands in its group."""
    runs = rows.assign(analysis=analysis, run=sources(rows)).sort_values("reference", ascending=False, kind="stable")
    runs = runs.drop_duplicates(["analysis", "run"])
    by = runs.assign(square=runs[LOG_MARGINAL_MCSE] ** 2).groupby("analysis", sort=True)
    out = by[["key", "evidence_group", RELATED, "reference"]].first()
    out["universes"] = np.bincount(analysis, minlength=len(out))
    out[LOG_MARGINAL] = by[LOG_MARGINAL].mean()
    out[LOG_MARGINAL_MCSE] = np.sqrt(by["square"].sum()) / by.size()
    best = out.loc[out.groupby("evidence_group")[LOG_MARGINAL].idxmax()].set_index("evidence_group")
    top = best.reindex(out["evidence_group"])
    out["log_bayes_factor"] = out[LOG_MARGINAL].to_numpy() - top[LOG_MARGINAL].to_numpy()
    itself = out["key"].to_numpy() == top["key"].to_numpy()
    mine, its = out[LOG_MARGINAL_MCSE].to_numpy(), top[LOG_MARGINAL_MCSE].to_numpy()
    error = _together(mine, its, out[RELATED].to_numpy(dtype=bool))
    out["log_bayes_factor_mcse"] = np.where(itself, 0.0, error)
    odds = np.exp(out["log_bayes_factor"])
    out["posterior_probability"] = odds / odds.groupby(out["evidence_group"]).transform("sum")
    return out.reset_index(drop=True)


def _together(first: np.ndarray, second: np.ndarray, related: np.ndarray) -> np.ndarray:
    """The error of a difference. Answers from the same draws may have errors of any correlation: theirs is a bound."""
    error: np.ndarray = np.where(related, first + second, np.hypot(first, second))
    return error


def _ran(row: pd.Series) -> str:
    """The universe that was run for this one's answer."""
    return str(row[SAME_AS] or row["key"])


def _nats(value: float) -> str:
    return f"{value:,.2f}".replace("-", "\N{MINUS SIGN}")


def _refused(what: str) -> Problem:
    expected = "two green universes that observe the same values, each with a log marginal likelihood"
    return Problem(
        what, expected, "see who may be compared: `evidence.table[['key', 'evidence_group', 'no_evidence']]`"
    )

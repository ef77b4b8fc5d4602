"""What every aggregate and plot reads: one row per answered universe for one estimand, checked on construction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from multiverse.aggregate.comparable import LOG_MARGINAL, comparable, incomparable
from multiverse.aggregate.intervals import KINDS, NONE, Kinds, kinds_of
from multiverse.aggregate.printing import count
from multiverse.aggregate.verified import remark
from multiverse.aggregate.weigh import BRANCHES, EVIDENCE, UNIVERSES, WEIGH
from multiverse.errors import Problem, ResultError, near_miss

PARAMETERIZATION = "parameterization"  # the kind whose options change the sampler's geometry, not the posterior
QUANTILES = ("q2_5", "q25", "median", "q75", "q97_5")
CENTRE = ("mean", "median")  # numbers a green universe always has
SPREAD = ("sd", "q2_5", "q25", "q75", "q97_5")  # numbers it has besides, unless its interval is `none`
NUMBERS = ("mean", "sd", *QUANTILES, "p_positive", "mcse_mean", "ess")
SAME_AS = "same_as"  # the universe whose answer an exact duplicate shares
FIXED = ("key", "reference", "ok", "reason", "interval", *NUMBERS)


@dataclass(frozen=True)
class DecisionInfo:
    """What an aggregate must know of a decision: its kind, its option labels in order, the reference option's label."""

    kind: str
    labels: tuple[str, ...]
    reference: str


@dataclass(frozen=True)
class Counts:
    """How many universes were planned, answered green, answered red (of them `blank` without numbers), not answered.

    space: how many the space has that they were taken from, and `taken` how, in words; None where they are all of it.
    duplicates: green universes that share the answer of another green one: exact duplicates, each counted as distinct.
    verified_by: what they were checked against, as `verified.unverified` has it.
    """

    planned: int
    green: int
    red: int
    blank: int
    space: int | None = None
    taken: str = ""
    duplicates: int = 0
    verified_by: str = ""

    @property
    def unanswered(self) -> int:
        """Universes planned but not answered yet."""
        return self.planned - self.green - self.red

    @property
    def left_out(self) -> int:
        """Universes that no number of an aggregate rests on: red or not answered."""
        return self.planned - self.green

    def __str__(self) -> str:
        left = [f"{self.red:,} red left out"]
        if self.blank:
            left.append(f"{self.blank:,} of them without numbers")
        if self.unanswered:
            left.append(f"{self.unanswered:,} not answered")
        text = f"{self.green:,} of {count(self.planned, 'universe')}; " + ", ".join(left)
        if self.duplicates:
            shares = "shares" if self.duplicates == 1 else "share"
            text += f"; {self.duplicates:,} {shares} the answer of an exact duplicate, and each counts"
        text += remark(self.verified_by)
        return text + (f"; a part of {self.whole}" if self.space is not None else "")

    @property
    def whole(self) -> str:
        """Of how many universes those planned are a part, and which: `1,000 universes: a random sample, seed 0`."""
        size = self.planned if self.space is None else self.space
        return count(size, "universe") + (f": {self.taken}" if self.taken else "")


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of one estimand, a row per answered universe.

    `table` columns: key, one per decision (option label, None where it does not apply), reference (bool), ok (bool:
    green), reason (None where ok), interval, mean, sd, median, q2_5, q25, q75, q97_5 (the estimand's scale),
    p_positive, mcse_mean, ess. interval is the kind that the quantiles span: `credible` (posterior draws),
    `confidence` (an estimate with its standard error), or `none`: a number alone, whose mean and median are the number
    and whose sd, quantiles and p_positive are NaN, for unknown. A red universe keeps its numbers, or NaN where nothing
    was computed (interval may be None then); mcse_mean and ess may be missing for exact answers (a missing mcse_mean
    counts as 0). A column same_as may tell the key of the universe whose answer a duplicate shares; it is None where it
    is missing. `planned` counts all universes of the plan, answered or not; `space` those of the space that the plan
    was drawn from, None where it is the whole of it; `taken` says how. `links`: decisions that move together. `weigh`:
    how universes weigh in every aggregate (`weights`); by evidence they can where the table has the columns of
    `comparable`, and the green ones may be compared. `verified_by`: what vouches for them. Raises ResultError,
    with all that is wrong, where this does not hold. The table is copied: do not change it.
    """

    estimand: str
    table: pd.DataFrame
    decisions: Mapping[str, DecisionInfo]
    planned: int
    space: int | None = None
    links: tuple[tuple[str, ...], ...] = ()
    weigh: str = UNIVERSES
    taken: str = ""
    verified_by: str = ""

    def __post_init__(self) -> None:
        table = self.table.reset_index(drop=True)
        if problems := [*_problems(table, self.decisions, self.planned), *_unweighable(self.weigh)]:
            raise ResultError(problems)
        if self.weigh == EVIDENCE:
            if problems := list(incomparable(table)):
                raise ResultError(problems)
            table[LOG_MARGINAL] = comparable(table)
        table = table.astype({name: float for name in NUMBERS} | {"ok": bool, "reference": bool})
        table[SAME_AS] = table[SAME_AS] if SAME_AS in table.columns else None
        for name in ("interval", SAME_AS, *self.decisions):
            table[name] = table[name].astype(object).where(table[name].notna(), None)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "decisions", MappingProxyType(dict(self.decisions)))

    @property
    def green(self) -> pd.DataFrame:
        """Rows of the universes that pass the gate."""
        return self.table[self.table["ok"]]

    @property
    def with_numbers(self) -> pd.DataFrame:
        """Rows of all universes that have numbers, green or red."""
        return self.table[_finite(self.table)]

    @property
    def fraction(self) -> float:
        """Answered universes as a part of those of the space: 1 where all are."""
        whole = max(self.planned if self.space is None else self.space, len(self.table), 1)
        return len(self.table) / whole

    @property
    def kinds(self) -> Kinds:
        """The kinds of interval of the green universes; of all that have numbers where none is green."""
        kinds = kinds_of(self.green)
        return kinds if sum(kinds) else kinds_of(self.with_numbers)

    @property
    def counts(self) -> Counts:
        """Planned, green and red universes."""
        ok = self.table["ok"].to_numpy()
        blank = int((~_finite(self.table)).sum())
        green = self.green
        duplicates = int(green[SAME_AS].fillna(green["key"]).duplicated().sum())
        return Counts(
            self.planned, int(ok.sum()), int((~ok).sum()), blank, self.space, self.taken, duplicates, self.verified_by
        )


def codes(table: pd.DataFrame, name: str, info: DecisionInfo) -> np.ndarray:
    """Position of each row's option among the decision's labels, -1 where it does not apply; (rows,) int64."""
    return np.asarray(pd.Categorical(table[name], categories=list(info.labels)).codes, dtype=np.int64)


def _finite(table: pd.DataFrame) -> np.ndarray:
    centre, spread = (np.isfinite(table[list(names)].to_numpy(dtype=float)).all(axis=1) for names in (CENTRE, SPREAD))
    finite: np.ndarray = centre & (spread | (table["interval"] == NONE).to_numpy())
    return finite


def _unweighable(weigh: str) -> Iterator[Problem]:
    if weigh not in WEIGH:
        mend = f"{near_miss(str(weigh), WEIGH)}Write weigh={BRANCHES!r}, or leave it out"
        yield Problem(f"weigh is {weigh!r}", f"how universes weigh: {', '.join(map(repr, WEIGH))}", mend)


def _problems(table: pd.DataFrame, decisions: Mapping[str, DecisionInfo], planned: int) -> Iterator[Problem]:
    where = "build the table with one row per answered universe, as the view `estimates` gives it"
    if clash := sorted(set(decisions) & set(FIXED)):
        yield Problem(f"decisions {clash} bear the names of result columns", "other names", "rename these decisions")
    for name, info in decisions.items():
        if not info.kind or not info.labels or len(set(info.labels)) < len(info.labels):
            yield Problem(
                f"decision {name!r} has kind {info.kind!r} and labels {info.labels!r}",
                "a kind and distinct labels",
                where,
            )
        if info.reference not in info.labels:
            mend = near_miss(info.reference, info.labels) + "name one of the labels"
            yield Problem(f"the reference of {name!r} is {info.reference!r}", f"one of {info.labels!r}", mend)
    if absent := [c for c in (*FIXED, *decisions) if c not in table.columns]:
        yield Problem(f"the table lacks columns {absent}", f"{', '.join((*FIXED, *decisions))}", where)
        return
    if (twice := table["key"][table["key"].duplicated()]).size:
        yield Problem(
            f"key {twice.iloc[0]!r} occurs more than once", "one row per universe", "keep each universe's final attempt"
        )
    if planned < len(table):
        yield Problem(
            f"planned is {planned}, the table has {len(table)} rows", "at least one planned universe a row", where
        )
    for name, info in decisions.items():
        if unknown := sorted(set(table[name].dropna().astype(str)) - set(info.labels)):
            mend = near_miss(unknown[0], info.labels) + "give every label of the decision"
            yield Problem(
                f"decision {name!r} has options {unknown[:5]} in the table", f"labels among {info.labels!r}", mend
            )
    for name in ("ok", "reference"):
        if not table[name].isin([True, False]).all():
            yield Problem(f"column {name!r} holds more than True and False", "a bool in each row", where)
            return
    ok = table["ok"].to_numpy(dtype=bool)
    if (table["reason"].isna().to_numpy() != ok).any():
        yield Problem(
            "some green rows have a reason or some red rows have none", "a reason where red, None where green", where
        )
    if table["reference"].sum() > 1:
        yield Problem(f"{table['reference'].sum()} rows are marked as the reference universe", "at most one", where)
    try:
        numbers = table.loc[ok, list(NUMBERS)].to_numpy(dtype=float)
        table[list(NUMBERS)].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        yield Problem(f"a column of numbers holds something else ({error})", f"numbers in {', '.join(NUMBERS)}", where)
        return
    nothing = ~ok & (table["interval"].isna() & table["mean"].isna()).to_numpy()
    if strange := list(table.loc[~table["interval"].isin(KINDS).to_numpy() & ~nothing, "interval"]):
        yield Problem(f"column 'interval' holds {strange[0]!r}", f"one of {', '.join(KINDS)}", where)
        return
    green = pd.DataFrame(numbers, columns=list(NUMBERS)).assign(interval=table["interval"].to_numpy()[ok])
    yield from _unlikely(green, table["key"].to_numpy()[ok], where)


def _unlikely(green: pd.DataFrame, keys: np.ndarray, where: str) -> Iterator[Problem]:
    alone = (green["interval"] == NONE).to_numpy()
    unspread = green[[*SPREAD, "p_positive"]].isna().all(axis=1).to_numpy()
    checks = {
        f"finite {', '.join(('mean', 'sd', *QUANTILES))}": _finite(green),
        f"no {', '.join(SPREAD)}, p_positive where the interval is {NONE!r}": unspread | ~alone,
        "sd and mcse_mean of at least 0": ~((green["sd"] < 0) | (green["mcse_mean"] < 0)).to_numpy(),
        "q2_5 <= q25 <= median <= q75 <= q97_5": ~(np.diff(green[list(QUANTILES)].to_numpy(), axis=1) < 0).any(axis=1),
        "p_positive between 0 and 1": green["p_positive"].between(0, 1).to_numpy() | alone,
    }
    for expected, good in checks.items():
        if not good.all():
            what = f"{count(int((~good).sum()), 'green universe')} (first key {keys[~good][0]!r}) have other numbers"
            yield Problem(what, expected, where + "; mark what was not computed as red, with a reason")

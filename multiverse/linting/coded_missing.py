"""Missing values that became numbers: by a preparation step that fills them, or already in the raw table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from multiverse.linting.columns import Column, columns
from multiverse.linting.data_sets import DataSet, data_sets, forbidding, where
from multiverse.linting.finding import Finding, finding
from multiverse.linting.mentions import mentions
from multiverse.linting.use import Use
from multiverse.planning.plan import Plan

CHECK = "missing values coded as numbers"
# What surveys write for "not asked", "refused", "not known": HILDA user manual, table 12 (-1 to -10, 99); RLMS-HSE,
# missing values (96 to 99, 996 to 999, 9996 to 9999).
CODES = frozenset(
    [*range(-10, 0), -88, -99, -888, -999, -8888, -9999, -99999]
    + [*range(96, 100), *range(996, 1000), *range(9996, 10000), *range(99996, 100000)]
)
FILLS = CODES | {0}  # zero is a usual fill and seldom a code: it counts only where values are known to be missing
ISOLATED = 0.5  # of the range of all other values: an outlier of a smooth distribution lies nearer to its neighbours
FAR_BELOW = -8  # where nothing else is negative: -2 may be a difference of scores, -8 and -9 seldom are
DIFFERENT = 3  # other values, at least: between two of them there is no scale to be apart on
REPEATED = 2  # rows with a code, where nothing else says that it is one: one exact 99 may be a person's age


class _Coded(NamedTuple):
    """A number in a column of a data set that stands for values that are missing."""

    data_set: DataSet
    column: Column
    number: float
    rows: int
    filled: bool  # whether the values are missing in the raw table
    others: np.ndarray  # all other values

    @property
    def kind(self) -> tuple[str, float, bool]:
        return self.column.name, self.number, self.filled


def coded_missing(plan: Plan) -> Iterator[Finding]:
    """The columns that an analysis uses in which one number stands for values that are missing, a finding each.

    A number that the analysis itself mentions is no finding: it knows the code.
    """
    sets, use = data_sets(plan), Use(plan)
    if not sets:
        return
    raw = columns(sets[0].prepared.raw)
    found: dict[tuple[str, float, bool], list[_Coded]] = {}
    for of in sets:
        for one in _coded(of, raw):
            if not -1 <= one.number <= 1 and any(
                mentions(function, one.number) for function in plan.study.functions.values()
            ):
                continue
            if one.kind in found or use(of.keys[0], one.column, _other_code(one)):
                found.setdefault(one.kind, []).append(one)
    for alike in found.values():
        yield _finding(plan, alike)


def _coded(of: DataSet, raw: Sequence[Column]) -> Iterator[_Coded]:
    """At most one number for each column of a data set."""
    gaps = [(column, _kept(of, column)) for column in raw if column.missing.any()]
    for column in of.columns:
        if not column.is_numeric or column.values.dtype.kind == "b":
            continue
        filled = (_filled(of, column, r, kept) for r, kept in gaps)
        told = next((one for one in filled if one is not None), None) or _isolated(of, column)
        if told is not None:
            yield told


def _kept(of: DataSet, column: Column) -> np.ndarray | None:
    """The rows of the raw table that a data set keeps, in its order; None where that cannot be told."""
    raw: Any = getattr(of.prepared.raw, "index", None)
    if of.prepared.index is not None and getattr(raw, "is_unique", False):
        places = np.asarray(raw.get_indexer(of.prepared.index))
        if bool(np.all(places >= 0)):
            return places
    return np.arange(len(column.values)) if of.rows == len(column.values) else None


def _filled(of: DataSet, column: Column, raw: Column, kept: np.ndarray | None) -> _Coded | None:
    """Whether the missing values of a raw column have one same number in a prepared one, and it is no imputation."""
    if kept is None or len(kept) != len(column.values):
        return _filled_by_value(of, column, raw)
    gaps = raw.missing[kept]
    there, filled = column.values[~gaps], column.values[gaps]
    if not len(filled) or len(there) < 2 or bool(np.any(filled != filled[0])) or np.all(there == there[0]):
        return None
    number = float(filled[0])
    if not _is_fill(number, len(filled), there) or not _follows(raw.values[kept][~gaps], there):
        return None
    if any(_tells(other.values, gaps) for other in of.columns if len(other.values) == len(gaps)):
        return None
    return _Coded(of, column, number, len(filled), True, there)


def _tells(values: np.ndarray, gaps: np.ndarray) -> bool:
    """Whether a column says where values are missing: beside such a covariate the number that fills them is free."""
    return (
        not np.any(values[gaps] != values[gaps][0])
        and not np.any(values[~gaps] != values[~gaps][0])
        and bool(values[gaps][0] != values[~gaps][0])
    )


def _filled_by_value(of: DataSet, column: Column, raw: Column) -> _Coded | None:
    """The same where rows cannot be matched: all values but a code are those of the raw column of that name."""
    if not raw.is_numeric or raw.title != column.title or not raw.title:
        return None
    known = raw.values[~raw.missing]
    new = ~np.isin(column.values, known)
    filled, there = column.values[new], column.values[~new]
    if not len(filled) or len(there) < 2 or len(filled) > raw.missing.sum() or np.any(filled != filled[0]):
        return None
    number = float(filled[0])
    return _Coded(of, column, number, len(filled), True, there) if _is_fill(number, len(filled), there) else None


def _is_fill(number: float, rows: int, there: np.ndarray) -> bool:
    """Whether a number in place of missing values is a code, and not an imputation that may be defended.

    Inside the range of the others it is one where it is a usual code, but neither 0 nor a centre of the others.
    Outside it is one where it is a usual fill, or far away; a number just below the others, as half of a detection
    limit is, may be defended. The next whole number is a category of its own.
    """
    low, high = float(there.min()), float(there.max())
    if low <= number <= high:
        return number in CODES and not np.isclose(number, _centres(there), rtol=1e-6, atol=1e-9).any()
    if there.dtype.kind in "iu" and number == high + 1 and low >= 0 and number not in CODES:
        return False
    return number in FILLS or (rows >= REPEATED and _gap(number, there) > ISOLATED * (high - low))


def _centres(there: np.ndarray) -> np.ndarray:
    values, counts = np.unique(there, return_counts=True)
    return np.array([there.mean(), np.median(there), values[counts.argmax()], *np.round([there.mean()])])


def _gap(number: float, there: np.ndarray) -> float:
    return max(float(there.min()) - number, number - float(there.max()))


def _follows(raw: np.ndarray, there: np.ndarray) -> bool:
    """Whether prepared values are made of raw ones, value by value: monotone, or a code for each category."""
    if raw.dtype.kind in "biuf":
        ordered = there[np.argsort(raw, kind="stable")]
        steps = np.diff(ordered)
        ties = np.diff(np.sort(raw)) == 0
        if bool(np.all(steps[ties] == 0)) and (bool(np.all(steps >= 0)) or bool(np.all(steps <= 0))):
            return True
    names, codes = np.unique(raw.astype(str), return_inverse=True)
    if len(names) > len(raw) / 2:
        return False  # with hardly any value twice, anything is a code of it
    pairs = len(np.unique(np.stack([codes.astype(float), there.astype(float)]), axis=1).T)
    return pairs == len(names) == len(np.unique(there))


def _isolated(of: DataSet, column: Column) -> _Coded | None:
    """A usual code that sits apart from all other values of a column, beside other codes of the same sign."""
    values = column.values[np.isfinite(column.values)]
    for sign in (-1, 1):
        codes = [code for code in CODES if code * sign > 1]
        coded = values[np.isin(values, codes)]
        there = values[~np.isin(values, codes)]
        if len(coded) < REPEATED or len(np.unique(there)) < DIFFERENT:
            continue
        low, high = float(there.min()), float(there.max())
        near = float(coded.max() if sign < 0 else coded.min())  # the nearest of the codes
        if (near <= FAR_BELOW and low >= 0) or _gap(near, there) > ISOLATED * (high - low):
            distinct, counts = np.unique(coded, return_counts=True)
            number = float(distinct[counts.argmax()])
            return _Coded(of, column, number, int(counts.max()), False, there)
    return None


def _other_code(one: _Coded) -> np.ndarray:
    """The column with the code farther away: an analysis that drops these rows has the same answer."""
    away = one.number - 1 if one.number < float(one.others.min()) else one.number + 1
    return np.where(one.column.values == one.number, away, one.column.values).astype(one.column.values.dtype)


def _finding(plan: Plan, alike: Sequence[_Coded]) -> Finding:
    first = max(alike, key=lambda one: one.rows)
    name, number = first.column.name, f"{first.number:g}"
    keys = [key for one in alike for key in one.data_set.keys]
    low, high = f"{first.others.min():.6g}", f"{first.others.max():.6g}"
    if first.filled:
        what = (
            f"{name} is {number} in {first.rows:,} of {len(first.column.values):,} rows where the raw table has no "
            f"value{where(plan, keys)}; all others lie between {low} and {high}. It is taken for a measurement."
        )
        mend = (
            "drop these rows in prepare, impute them within the range of the others, or give the model a covariate "
            "that says where values are missing"
        )
    else:
        what = (
            f"{name} is {number} in {first.rows:,} of {len(first.column.values):,} rows{where(plan, keys)}, a usual "
            f"code for missing values; all others lie between {low} and {high}."
        )
        column = f"table[{first.column.title!r}]" if first.column.title else "column"
        mend = (
            f"if it is a code, make it missing in prepare, `{column}.replace({number}, np.nan)`, and decide what to do"
        )
    return finding(plan, CHECK, what, keys, mend + (forbidding(plan, keys) if first.filled else ""))

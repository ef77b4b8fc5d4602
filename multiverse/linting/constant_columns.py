"""Columns that preprocessing made constant: they vary before it, or in other universes, and tell nothing here."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from multiverse.linting.columns import Column, columns
from multiverse.linting.data_sets import DataSet, data_sets, forbidding, where
from multiverse.linting.finding import Finding, finding
from multiverse.linting.use import Use
from multiverse.planning.plan import Plan

CHECK = "constant columns"


class _Constant(NamedTuple):
    """A column that is constant in a data set, and where it varies: raw data, or other data sets that are near."""

    data_set: DataSet
    column: Column
    varying: Column
    before: str  # of how many rows

    @property
    def value(self) -> object:
        """What it is everywhere."""
        return self.column.values[~self.column.missing][0]

    def alternating(self) -> np.ndarray:
        """The column with another value of its own in every other row."""
        there = self.varying.values[~self.varying.missing]
        other = there[there != self.value][0]
        kind = np.result_type(self.column.values, there)
        return np.where(np.arange(len(self.column.values)) % 2, other, self.column.values).astype(kind)


def constant_columns(plan: Plan) -> Iterator[Finding]:
    """The columns that an analysis uses and that preprocessing made constant, a finding each.

    A column that another option replaces by a constant is no finding (weights of one, a covariate switched off by
    zeros): where it varies in a data set that differs in one option and has as many rows, nothing was lost by dropping
    rows. Nor is a column of ones that is nowhere anything else.
    """
    sets, use = data_sets(plan), Use(plan)
    found: dict[str, list[_Constant]] = {}
    for one in _constants(sets):
        if use(one.data_set.keys[0], one.column, one.alternating()):
            found.setdefault(one.column.name, []).append(one)
    for name, alike in found.items():
        yield _finding(plan, name, alike)


def _constants(sets: Sequence[DataSet]) -> Iterator[_Constant]:
    vary = [{column.name: column for column in of.columns if column.varies} for of in sets]
    raw = functools.cache(lambda: {c.title: c for c in columns(sets[0].prepared.raw) if c.varies and c.title})
    for at, of in enumerate(sets):
        for column in of.columns:
            if column.name in vary[at] or bool(column.missing.all()):
                continue
            elsewhere = [i for i in range(len(sets)) if column.name in vary[i]]
            if elsewhere:
                near = _nearest(sets, at, elsewhere)
                largest = max(near, key=lambda i: sets[i].rows)
                if sets[largest].rows > of.rows and all(sets[i].rows != of.rows for i in near):
                    yield _Constant(of, column, vary[largest][column.name], f"{sets[largest].rows:,} rows")
            elif (varying := raw().get(column.title)) is not None:
                fewer = len(column.values) < len(varying.values)
                if fewer or not _is_one(column):
                    yield _Constant(of, column, varying, f"{len(varying.values):,} raw rows")


def _nearest(sets: Sequence[DataSet], at: int, others: Sequence[int]) -> list[int]:
    """Those that differ from a data set in the fewest options."""
    mine = sets[at].labels
    apart = [sum(mine.get(name) != label for name, label in sets[i].labels.items()) for i in others]
    return [i for i, distance in zip(others, apart, strict=True) if distance == min(apart)]


def _is_one(column: Column) -> bool:
    return column.is_numeric and bool(np.all(column.values == 1))


def _finding(plan: Plan, name: str, alike: Sequence[_Constant]) -> Finding:
    keys = [key for one in alike for key in one.data_set.keys]
    first = alike[0]
    held = np.asarray(first.value).item()
    distinct = len(np.unique(first.varying.values[~first.varying.missing].astype(str)))
    what = (
        f"{name} is {held!r} in all {first.data_set.rows:,} rows{where(plan, keys)}, where it has "
        f"{distinct:,} different values in {first.before}: the data say nothing about its effect there."
    )
    mend = "keep rows in which it differs, or leave its effect out of these universes"
    return finding(plan, CHECK, what, keys, mend + forbidding(plan, keys))

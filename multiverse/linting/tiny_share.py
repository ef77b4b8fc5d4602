"""Options that keep no rows, or only a tiny share of them: their universes are wide for that reason alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from multiverse.linting.columns import columns
from multiverse.linting.data_sets import DataSet, data_sets, forbidding
from multiverse.linting.finding import Finding, finding
from multiverse.planning.plan import Plan

CHECK = "tiny shares of rows"
TINY_SHARE = 0.05  # of the largest data set: standard errors go as 1/sqrt(rows), so they are 4.5 times as large there
GROUPING = 12  # columns of the raw table, at most, by pairs of which rows may have been grouped


def tiny_share(plan: Plan) -> Iterator[Finding]:
    """The options all of whose data sets have a tiny share of the rows of the largest one, and then combinations.

    First those that have none: planning refuses these for a model, but a function may take them. A data set with a row
    for each group of the raw table (as many rows as a column, or a pair of columns, has different values) was
    aggregated, not thinned: no finding.
    """
    sets = data_sets(plan)
    if empty := [of for of in sets if of.rows == 0 and _is_empty(of.prepared.data)]:
        yield _no_rows(plan, empty)
    most = max((of.rows for of in sets), default=0)
    tiny = [of for of in sets if 0 < of.rows < TINY_SHARE * most]
    if not tiny:
        return
    groups = _groups(sets[0].prepared.raw)
    tiny = [of for of in tiny if of.rows not in groups]
    left = list(tiny)
    for name in dict.fromkeys(name for of in tiny for name in of.labels):
        for label in dict.fromkeys(of.labels.get(name) for of in tiny):
            having = [of for of in sets if of.labels.get(name) == label]
            alone = [of for of in having if of in left]
            if label is not None and alone and all(of in tiny for of in having):
                yield _finding(plan, f"{name}={label!r} keeps", alone, most)
                left = [of for of in left if of not in having]
    for of in left:
        options = " and ".join(f"{name}={label!r}" for name, label in of.labels.items() if label is not None)
        yield _finding(plan, f"{options} keep" if " and " in options else f"{options} keeps", [of], most)


def _is_empty(data: Any) -> bool:
    """Whether there is an array or a table without rows in it."""
    if hasattr(data, "shape"):
        return len(data.shape) > 0 and data.shape[0] == 0
    parts = data.values() if isinstance(data, Mapping) else data if isinstance(data, list | tuple) else ()
    return any(map(_is_empty, parts))


def _no_rows(plan: Plan, sets: Sequence[DataSet]) -> Finding:
    keys = [key for of in sets for key in of.keys]
    what = f"no rows are left in {len(sets):,} of {len(data_sets(plan)):,} prepared data sets."
    mend = "look at what the data and these options leave, and drop less" + forbidding(plan, keys)
    return finding(plan, CHECK, what, keys, mend)


def _finding(plan: Plan, who: str, sets: Sequence[DataSet], most: int) -> Finding:
    fewest, largest = min(of.rows for of in sets), max(of.rows for of in sets)
    kept = f"{fewest:,}" if fewest == largest else f"{fewest:,} to {largest:,}"
    keys = [key for of in sets for key in of.keys]
    what = (
        f"{who} {kept} rows of {most:,}, {100 * largest / most:.1f} % at most: standard errors there are "
        f"{np.sqrt(most / largest):.1f} times as large or more, by the number of rows alone."
    )
    mend = "look whether the option drops what it means to; if it does, read its universes as another question"
    return finding(plan, CHECK, what, keys, mend + forbidding(plan, keys))


def _groups(raw: object) -> set[int]:
    """How many groups the rows of the raw table fall into, by each of its columns, and by pairs of them."""
    found = columns(raw)
    codes = [np.unique(c.values.astype(str), return_inverse=True)[1] for c in found]
    sizes = {int(code.max()) + 1 for code in codes}
    few = [code for code in codes if int(code.max()) + 1 < len(code)][:GROUPING]
    for one, other in itertools.combinations(few, 2):
        if len(one) == len(other):
            sizes.add(len(np.unique(one.astype(np.int64) * (int(other.max()) + 1) + other)))
    return sizes

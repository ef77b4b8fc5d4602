"""Who shares a Monte Carlo error: exact duplicates have one answer between them, and so one error."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

SOURCE: Final = "_source"  # a column beside those of decisions, whose names do not begin with an underscore


def sources(table: pd.DataFrame) -> np.ndarray:
    """(rows,) a number for each run that was made: equal where one row has the answer of another.

    table: with `key`, and with `same_as` where duplicates may be in it.
    """
    ran = table["same_as"].where(table["same_as"].notna(), table["key"]) if "same_as" in table else table["key"]
    return np.asarray(pd.factorize(ran)[0])


def sources_of(source: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """(groups,) the same for averages of rows: equal where they are averages over the same runs."""
    if groups == 0:
        return np.zeros(0, dtype=int)
    order = np.lexsort((source, group))
    ends = np.cumsum(np.bincount(group, minlength=groups))[:-1]
    found: dict[bytes, int] = {}
    return np.array([found.setdefault(own.tobytes(), len(found)) for own in np.split(source[order], ends)], dtype=int)


def error_of_sums(
    group: np.ndarray, size: int, weight: np.ndarray, noise: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """(size,) variance of the error of each group's sum of weighted values.

    group: (rows,) from 0; noise: (rows,) variance of a value's error; source: (rows,) which of them are one error. The
    weights of values with one error add up before they are squared.
    """
    cell, first, place = np.unique(group * (source.max(initial=0) + 1) + source, return_index=True, return_inverse=True)
    if len(cell) == len(group):  # no two in a group: each value has an error of its own there
        return np.bincount(group, weight**2 * noise, size)
    return np.bincount(group[first], np.bincount(place, weight) ** 2 * noise[first], size)

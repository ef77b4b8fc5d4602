"""Padding: data sets of different lengths share a program when the rows that are missing are copied in and masked.

A kept row is copied, not zeros: a zero in a padded covariate under `log` gives a right log density and a NaN gradient.
Lengths come from a ladder that hangs on the raw data, never on the plan, so that a universe is padded alike in any
company: the length of the raw table and its halvings (and doublings, where preprocessing adds rows). A universe that
drops nothing is not padded at all, and all universes that drop less than half of the rows share one length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiverse.planning.structure import Leaves

MASK = "mask"  # the leaf that says which rows were kept
LADDER_WITHOUT_TABLE = 1  # raw data that are no table: powers of two


@dataclass(frozen=True)
class Padding:
    """How the data of a program are padded: to `length` rows, in the arrays named by `paths`."""

    length: int
    paths: frozenset[str]

    def __call__(self, leaves: Mapping[str, np.ndarray], rows: int) -> Leaves:
        """Leaves of `length` rows and the mask of the first `rows` of them."""
        take = np.arange(self.length)
        take[rows:] = 0
        padded = {path: leaf[take] if path in self.paths else leaf for path, leaf in leaves.items()}
        return padded | {MASK: np.arange(self.length) < rows}


def rung(rows: int, raw_rows: int | None) -> int:
    """The length to which `rows` rows are padded: the smallest rung of the ladder that holds them."""
    top = raw_rows or LADDER_WITHOUT_TABLE
    while top < rows:
        top *= 2
    while top > 1 and (top + 1) // 2 >= rows:
        top = (top + 1) // 2
    return top


def table_length(raw: Any) -> int | None:
    """How many rows the raw data have: the longest of their arrays; None where there are none."""
    if hasattr(raw, "iloc") or (hasattr(raw, "shape") and len(raw.shape) > 0):
        return len(raw) or None
    columns = raw.values() if isinstance(raw, Mapping) else raw if isinstance(raw, list | tuple) else ()
    lengths = [np.shape(column)[0] for column in columns if hasattr(column, "shape") and len(column.shape) > 0]
    return max(lengths, default=0) or None


def row_paths(leaves: Mapping[str, np.ndarray], rows: int) -> frozenset[str]:
    """The arrays whose first axis has the length of the row plate."""
    return frozenset(path for path, leaf in leaves.items() if leaf.ndim > 0 and leaf.shape[0] == rows)


def common_rows(leaves: Mapping[str, np.ndarray], paths: Iterable[str]) -> int | None:
    """The length that the arrays at `paths` share; None where they differ."""
    lengths = {leaves[path].shape[0] for path in paths}
    return lengths.pop() if len(lengths) == 1 else None

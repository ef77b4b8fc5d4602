"""Which attempt at a universe counts: the final one, else the latest; said once, for SQL and for draws."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from multiverse.store.contract import Table

_IDENTITY: Final = ("run", "key", "attempt")
COLUMNS: Final = ("key", "run", "batch", "attempt", "final")


def distinct(parts: Table) -> Table:
    """Each attempt of each universe once, with a column `shown`: is it the one that counts for its run and key?

    parts: rows with `COLUMNS` at least. Sorted by run, key and attempt. An attempt that stands in two parts (a batch
    that ran twice) is taken from the part whose name sorts first. Final counts before not final, then the latest.
    """
    ordered = parts.sort_by([*((name, "ascending") for name in _IDENTITY), ("batch", "ascending")])
    once = ordered.filter(pa.array(_first(ordered, *_IDENTITY)))
    ranked = once.append_column("row", pa.array(np.arange(once.num_rows))).sort_by(
        [("run", "ascending"), ("key", "ascending"), ("final", "descending"), ("attempt", "descending")]
    )
    shown = np.zeros(once.num_rows, dtype=bool)
    shown[ranked["row"].to_numpy()[_first(ranked, "run", "key")]] = True
    return once.append_column("shown", pa.array(shown))


def _first(table: Table, *names: str) -> np.ndarray:
    """Whether a row of a sorted table differs, in these columns, from the row above it."""
    new = np.zeros(table.num_rows, dtype=bool)
    new[:1] = True
    for name in names:
        values = table[name].to_numpy()
        new[1:] |= values[1:] != values[:-1]
    return new

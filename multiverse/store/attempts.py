"""Which attempt at a universe counts: the final one, else the latest; said once, for SQL and for draws."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from multiverse.store.contract import Table

COLUMNS: Final = ("key", "run", "batch", "attempt", "final", "finished")


def distinct(parts: Table) -> Table:
    """Each attempt at each universe once, with a column `shown`: is it the one that counts for its run and key?

    parts: rows with `COLUMNS` at least; their order is kept. An attempt that stands in two parts is taken from the one
    that was finished last, since an attempt may be written again with more in it (a new estimand, `re_estimate`); of
    two finished at once, from the part whose name sorts first. Final counts before not final, then the latest attempt.
    """
    narrow = parts.select(COLUMNS).append_column("row", pa.array(np.arange(parts.num_rows)))
    up, down = "ascending", "descending"
    # an attempt that stands twice may be called final once only: final wins there too
    tried = narrow.sort_by(
        [("key", up), ("run", up), ("attempt", down), ("final", down), ("finished", down), ("batch", up)]
    )
    first, once = _changes(tried, "key", "run"), _changes(tried, "key", "run", "attempt")
    if first.all():
        return parts.append_column("shown", pa.array(first))
    tried = tried.filter(pa.array(once)).sort_by([("key", up), ("run", up), ("final", down), ("attempt", down)])
    shown = np.zeros(parts.num_rows, dtype=bool)
    shown[tried["row"].to_numpy()[_changes(tried, "key", "run")]] = True
    return parts.append_column("shown", pa.array(shown)).take(pa.array(np.sort(tried["row"].to_numpy())))


def _changes(ordered: Table, *names: str) -> np.ndarray:
    """Whether a row differs, in these columns, from the row above it; the first always does."""
    new = np.zeros(ordered.num_rows, dtype=bool)
    new[:1] = True
    for name in names:
        values = ordered[name].to_numpy()
        new[1:] |= values[1:] != values[:-1]
    return new

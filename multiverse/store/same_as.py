"""Rows of universes that share the answer of another one: its rows and draws under their own keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from multiverse.store.contract import Table

SAME_AS: Final = "same_as"  # the key of the universe that was run for this row; NULL where it was run itself


def shared_rows(part: Table, rows: Sequence[int], keys: Sequence[str], batch: str) -> Table:
    """These rows of a part, each under another key: all their numbers and draws, bit for bit. A part of its own.

    rows: positions in the part. keys: whose rows they become. batch: the name of the new part. `finished` and `host`
    stay, since they say when and where the draws were made; it took no seconds. A universe that gets back what others
    share of it is `same_as` none.
    """
    taken = part.take(pa.array(rows, pa.int64()))
    told = taken[SAME_AS].to_pylist() if SAME_AS in taken.column_names else [None] * len(keys)
    ran = [earlier or own for earlier, own in zip(told, taken["key"].to_pylist(), strict=True)]
    new = {
        "key": list(keys),
        "batch": [batch] * len(keys),
        "seconds": [0.0] * len(keys),
        SAME_AS: [None if run == key else run for run, key in zip(ran, keys, strict=True)],
    }
    for name, values in new.items():
        column = pa.array(values, pa.float64() if name == "seconds" else pa.string())
        at = taken.column_names.index(name) if name in taken.column_names else -1
        taken = taken.append_column(name, column) if at < 0 else taken.set_column(at, name, column)
    return taken.combine_chunks()

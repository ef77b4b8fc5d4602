"""What two sweeps have to agree in to have ended alike."""

from __future__ import annotations

from typing import Final

from multiverse.store.attempts import distinct
from multiverse.store.contract import Store, Table

# columns that clocks, machines and the order of work fill
VARYING: Final = ("seconds", "finished", "host", "batch", "reads")


def end_state(store: Store) -> Table:
    """All attempts with their draws, each once, by run, key and attempt, without the columns that may differ.

    Two sweeps have ended alike when these tables are equal, bit for bit.
    """
    rows = store.scan("part")
    if rows.num_rows:
        rows = distinct(rows)  # also says which of them are shown
    ordered = rows.select(sorted(name for name in rows.column_names if name not in VARYING))
    return ordered.sort_by([(name, "ascending") for name in ("run", "key", "attempt")]).combine_chunks()

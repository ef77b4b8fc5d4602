"""Which estimand a number answers: its fingerprint, for a name may come to mean something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from multiverse.store.contract import Table

ASKED: Final = "asked"  # beside `estimand`: the fingerprint of each; NULL in parts older than the column


def with_asked(part: Table, identities: Mapping[str, str]) -> Table:
    """A part with the fingerprint of each of its estimands beside it. identities: by name; NULL where absent."""
    told = [[identities.get(name) for name in names or ()] for names in part["estimand"].to_pylist()]
    return part.append_column(ASKED, pa.array(told, pa.list_(pa.string())))

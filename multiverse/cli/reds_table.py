"""Why universes are red, as a table on stdout."""

from __future__ import annotations

from collections.abc import Sequence

from multiverse.cli.run_state import Red
from multiverse.cli.tables import echo_table


def echo_reds(reds: Sequence[Red]) -> None:
    """One row a reason, the commonest first, with what to do about it."""
    rows = [(red.reason, red.universes, red.mend) for red in reds]
    echo_table(("reason", "universes", "what to do"), rows, indent=2, prose="what to do")

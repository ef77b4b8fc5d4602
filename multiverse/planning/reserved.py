"""Names that a decision cannot bear, since the views of the store have a column of that name."""

from __future__ import annotations

from collections.abc import Iterable

from multiverse.errors import Problem
from multiverse.store.schema import RESERVED_COLUMNS


def reserved_problems(decisions: Iterable[str]) -> list[Problem]:
    """A problem for each decision whose name, in any case, is a column of the store: SQL ignores case."""
    return [
        Problem(
            f"the decision {name!r} is named like a column of the store.",
            "a name that no view of the store has as a column: docs/schema.md lists them",
            f"call it {name}_choice, here and in the arguments that take it",
        )
        for name in decisions
        if str(name).lower() in RESERVED_COLUMNS
    ]

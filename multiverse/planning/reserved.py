"""Names that a decision cannot bear, since a table with a column for each decision has one of that name already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from multiverse.errors import Problem
from multiverse.store.schema import RESERVED_COLUMNS

CURVE_COLUMNS: Final = frozenset({"rank", "verdict"})
"""What the data of a specification curve have beside decisions and numbers (`CurveData`)."""


def reserved_problems(decisions: Iterable[str]) -> list[Problem]:
    """A problem for each decision whose name, in any case, is a column of the store or curve: SQL ignores case."""
    tables = {
        "the store": (RESERVED_COLUMNS, "a name that no view of the store has as a column: docs/schema.md lists them"),
        "the curve's data": (CURVE_COLUMNS, f"another name than {' or '.join(sorted(CURVE_COLUMNS))}"),
    }
    return [
        Problem(
            f"the decision {name!r} is named like a column of {table}.",
            expected,
            f"call it {name}_choice, here and in the arguments that take it",
        )
        for name in decisions
        for table, (columns, expected) in tables.items()
        if str(name).lower() in columns
    ]

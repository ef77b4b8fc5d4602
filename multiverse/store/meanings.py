"""What every column of every view means, as data: for archives, which are read where our pages are not.

columns.csv is a copy of the tables of docs/schema.md; a test compares them, and `pytest --update-golden` copies anew.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

FILE: Final = "columns.csv"  # beside this module


class Meaning(NamedTuple):
    """The unit of a column, empty where it has none, and what it means, in words."""

    unit: str
    text: str


@cache
def meanings() -> Mapping[str, Mapping[str, Meaning]]:
    """View -> column -> meaning, in order; what is said of the decisions stands under `schema.DECISIONS`."""
    found: dict[str, dict[str, Meaning]] = {}
    text = files("multiverse.store").joinpath(FILE).read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        found.setdefault(row["view"], {})[row["column"]] = Meaning(row["unit"], row["meaning"])
    return found

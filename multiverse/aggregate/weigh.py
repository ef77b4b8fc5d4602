"""What weighs alike in an aggregate, by name: every universe, or every branch of an `only_when`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNIVERSES, BRANCHES = WEIGH = ("universes", "branches")  # see `weights`

WEIGHT: Final = "_weight"  # a column beside those of decisions, whose names do not begin with an underscore

# What is said below an answer.
NOTES: Final[Mapping[str, tuple[str, ...]]] = {
    UNIVERSES: (),
    BRANCHES: ("each branch of an only_when weighs the same, however many universes it has",),
}

"""How universes weigh in an aggregate, by name: all alike, each branch of an `only_when` alike, or by evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNIVERSES, BRANCHES, EVIDENCE = WEIGH = ("universes", "branches", "evidence")  # see `weights`

WEIGHT: Final = "_weight"  # a column beside those of decisions, whose names do not begin with an underscore

# What is said below an answer.
NOTES: Final[Mapping[str, tuple[str, ...]]] = {
    UNIVERSES: (),
    EVIDENCE: ("universes weigh as their marginal likelihoods, all alike beforehand: Bayesian model averaging",),
    BRANCHES: ("each branch of an only_when weighs the same, however many universes it has",),
}

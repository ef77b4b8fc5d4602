"""The checks of the lint, one a line: a new one joins here.

A check is a function `(plan) -> findings`. It looks at a plan, runs no sampler and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from multiverse.linting.coded_missing import coded_missing
from multiverse.linting.constant_columns import constant_columns
from multiverse.linting.duplicates import duplicates
from multiverse.linting.finding import Finding
from multiverse.linting.idle_arguments import idle_arguments
from multiverse.linting.impossible_data import impossible_data
from multiverse.linting.prior_reach import prior_reach
from multiverse.linting.rank_deficient import rank_deficient
from multiverse.linting.tiny_share import tiny_share

if TYPE_CHECKING:
    from multiverse.planning.plan import Plan


class Check(NamedTuple):
    """A check: its name, which tells what it looks for, and how it looks.

    quick: whether it costs next to nothing beside planning, so that each run can afford it: milliseconds a program.
    """

    name: str
    find: Callable[[Plan], Iterable[Finding]]
    quick: bool = False


CHECKS: tuple[Check, ...] = (
    Check("duplicates", duplicates, quick=True),
    Check("idle arguments", idle_arguments, quick=True),
    Check("tiny shares of rows", tiny_share, quick=True),
    Check("constant columns", constant_columns, quick=True),
    Check("missing values coded as numbers", coded_missing),
    Check("rank-deficient designs", rank_deficient),
    Check("data that likelihoods cannot hold", impossible_data),
    Check("priors far from the data", prior_reach),
)

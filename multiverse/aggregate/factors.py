"""What can be told apart: decisions as columns of codes, those that always change together as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.estimates import DecisionInfo, codes
from multiverse.aggregate.linked import together


class Factor(NamedTuple):
    """One decision, or several that move together. codes: (rows,) from 0; where it does not apply is a code too."""

    name: str
    kind: str
    decisions: tuple[str, ...]
    codes: np.ndarray
    options: int


def factors(
    rows: pd.DataFrame, decisions: Mapping[str, DecisionInfo], links: Sequence[Sequence[str]] = ()
) -> tuple[Factor, ...]:
    """The decisions in order, each a factor; linked ones are one, and so are those that match one to one in `rows`.

    Two decisions whose options always come in the same pairs cannot be told apart, whether or not they were linked.
    Not to apply counts as an option.
    """
    columns = {name: _ranks(codes(rows, name, info)) for name, info in decisions.items()}
    same = (pair for pair in combinations(decisions, 2) if _one_to_one(*(columns[name] for name in pair)))
    return tuple(_factor(names, columns, decisions) for names in together(decisions, [*links, *same]))


def _factor(names: tuple[str, ...], columns: Mapping[str, np.ndarray], decisions: Mapping[str, DecisionInfo]) -> Factor:
    joint = _ranks(np.ravel_multi_index([columns[name] for name in names], [_count(columns[name]) for name in names]))
    kinds = dict.fromkeys(decisions[name].kind for name in names)
    return Factor(" + ".join(names), " + ".join(kinds), names, joint, _count(joint))


def _ranks(column: np.ndarray) -> np.ndarray:
    """The values as 0, 1, ... in their order."""
    ranks: np.ndarray = np.unique(column, return_inverse=True)[1].ravel()
    return ranks


def _count(ranks: np.ndarray) -> int:
    return int(ranks.max()) + 1 if len(ranks) else 1


def _one_to_one(one: np.ndarray, other: np.ndarray) -> bool:
    options = _count(one)
    if options < 2 or options != _count(other):
        return False
    return int((np.bincount(one * options + other) > 0).sum()) == options

"""Limits from a sample without replacement, against counting every possible sample."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest

from multiverse.aggregate.running_limits import TAIL, median_rank, share_limits, unseen


@pytest.mark.parametrize(("size", "n"), [(12, 5), (20, 10), (9, 8), (7, 1)])
def test_a_share_is_covered_in_every_population(size: int, n: int) -> None:
    limits = [share_limits(k / n, n, size) for k in range(n + 1)]
    for agree in range(size + 1):
        chance = [comb(agree, k) * comb(size - agree, n - k) / comb(size, n) for k in range(n + 1)]
        within = [low <= agree / size + 1e-12 and agree / size - 1e-12 <= high for low, high in limits]
        assert sum(p for p, inside in zip(chance, within, strict=True) if inside) >= 1 - 2 * TAIL


def test_all_alike_is_no_certainty_while_some_are_missing() -> None:
    low, high = share_limits(1.0, 50, 100)
    assert high == 1.0
    # five may differ unseen, with a chance of about 1 in 36; six not
    assert low == 0.95
    assert share_limits(0.0, 50, 100) == (0.0, pytest.approx(1 - low))
    assert share_limits(1.0, 100, 100) == (1.0, 1.0)
    assert share_limits(0.3, 0.4, 100) == (0.0, 1.0)  # less than one universe tells nothing


def test_counts_that_are_not_whole_widen() -> None:
    low, high = share_limits(0.5, 10.9, 99.2)
    assert low <= share_limits(0.5, 10, 100)[0] and high >= share_limits(0.5, 10, 100)[1]


@pytest.mark.parametrize(("size", "n"), [(11, 7), (12, 8), (14, 6)])
def test_a_median_is_covered(size: int, n: int) -> None:
    values = np.arange(size, dtype=float)
    rank = round(median_rank(n, size) * n)
    assert rank >= 1
    truth = np.median(values)
    within = [s[rank - 1] <= truth <= s[n - rank] for s in combinations(values, n)]
    assert np.mean(within) >= 1 - 2 * TAIL
    further = [s[rank] <= truth <= s[n - rank - 1] for s in combinations(values, n)]
    assert np.mean(further) < 1 - TAIL  # one rank further in would be too far on one side at least


def test_few_tell_nothing_of_a_median() -> None:
    assert median_rank(5, 1000) == 0  # all five lie on one side with a chance of 1 in 32
    assert median_rank(6, 1000) == 1 / 6  # 1 in 64
    assert median_rank(0.5, 10) == 0


def test_what_may_stay_unseen() -> None:
    assert unseen(0.5) == 5  # 0.5^5 = 0.031, 0.5^6 = 0.016
    assert unseen(0.99) == 0
    assert unseen(1.0) == 0
    assert unseen(0.0) == np.inf

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.aggregate.estimates import Estimates
from multiverse.aggregate.interactions import pairs
from multiverse.errors import ResultError

TWO = {"x": ("prior", ["-", "+"]), "y": ("likelihood", ["-", "+"])}
FOUR = {name: ("prior", ["0", "1", "2"]) for name in "abcd"}


def test_by_hand(make):
    """x + y + xy on {-1, 1}^2: each effect has variance 1 of 3."""
    answer = pairs(make(TWO, lambda x, y: (2 * x - 1) + (2 * y - 1) + (2 * x - 1) * (2 * y - 1)))
    assert answer.balanced
    assert answer.share("x", "y") == answer.share("y", "x") == pytest.approx(1 / 3)
    with pytest.raises(ResultError, match="no pair"):
        answer.share("x", "z")


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6).map(np.random.default_rng))
def test_second_order_terms_of_a_grid(make, rng):
    """Sobol's second-order index from the definition: the part of the pair's mean that no single decision has."""
    grid = rng.normal(size=(3, 3, 3, 3))
    answer = pairs(make(FOUR, grid.ravel()))
    for i, j in combinations(range(4), 2):
        rest = tuple(k for k in range(4) if k not in (i, j))
        both = grid.mean(axis=rest)
        term = both - both.mean(axis=0) - both.mean(axis=1, keepdims=True) + both.mean()
        assert answer.share("abcd"[i], "abcd"[j]) == pytest.approx((term**2).mean() / grid.var())


def test_decisions_that_tell_the_same_are_below_zero(make):
    """tail tells what family tells: together they add nothing to what tail says alone."""
    space = {"family": ("likelihood", ["normal", "student"]), "tail": ("prior", ["light", "heavy"])}
    estimates = make(space, [0.0, 0.0, 1.5, 2.5])
    table = estimates.table.iloc[[0, 2, 3]].copy()
    table["tail"] = np.array([None, "light", "heavy"], dtype=object)
    answer = pairs(Estimates("effect", table, estimates.decisions, 3))
    value = np.array([0.0, 1.5, 2.5])
    family = (value.mean() ** 2 + 2 * (2 - value.mean()) ** 2) / 3 / value.var()
    assert not answer.balanced
    assert answer.share("family", "tail") == pytest.approx(-family)  # 1 - 1 - family
    assert "below where they tell the same" in str(answer)
    assert "\N{MINUS SIGN}" in str(answer)


def test_noise_makes_no_pairs_and_intervals_hold_none(make):
    rng = np.random.default_rng(1)
    found, held = [], []
    for _ in range(60):
        noisy = make(FOUR, lambda a, b, c, d: a + b + c + rng.normal(0, 0.2, len(a)), mcse=0.2)
        answer = pairs(noisy).table
        found.append(answer["share"].mean())
        held.append((answer["low"] <= 0).all())
    # clipped at 0, so above it; a pair has 4 of 81 dimensions, and left in the noise would be 4/81 x 0.04 / 2
    assert np.mean(found) < 4 / 81 * 0.04 / 2 / 2
    assert np.mean(held) > 0.8  # all six of them


def test_red_ones_beside_no_variance_and_printing(make):
    answer = pairs(make(FOUR, lambda a, b, c, d: 1.0 * a * b + 0.1 * c * d, red=(3,)))
    assert answer.with_red.balanced and not answer.balanced
    assert list(answer.table.loc[0, ["first", "second"]]) == ["a", "b"]
    assert "share with red" in str(answer)
    none = pairs(make(FOUR, lambda a, b, c, d: 1.0 + 0 * a))
    assert none.table["share"].isna().all() and "no variance to divide" in none.note
    assert "there is no pair" in pairs(make({"a": ("prior", ["p", "q"])}, [1.0, 2.0])).note
    assert "<table>" in answer._repr_html_()
    many = {name: ("prior", ["0", "1"]) for name in "abcdef"}
    assert "5 pairs with less" in str(pairs(make(many, lambda *x: sum(x) + x[0] * x[1])))


def test_a_sample_without_room_for_pairs_says_so(make):
    estimates = make(FOUR, lambda a, b, c, d: 1.0 * a * b + c, planned=1000)
    assert "too few universes to tell whether decisions act together" in pairs(estimates).note

"""Simulated data that are not finite teach nothing; rows that do not count may be anything."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines.amortized.simulations import finite
from multiverse.planning.simulate import Seen


@pytest.mark.parametrize(
    ("value", "mask", "expected"),
    [
        ([1.0, 2.0], [True, True], True),
        ([1.0, np.nan], [True, True], False),
        ([1.0, np.nan], [True, False], True),
        ([-np.inf, 1.0], [True, False], False),
        ([[1.0, np.nan], [2.0, 3.0]], [False, True], True),  # a row of two numbers each
        ([[1.0, np.nan], [2.0, 3.0]], [True, True], False),
    ],
)
def test_all_that_counts_has_to_be_finite(value: list[float], mask: list[bool], expected: bool) -> None:
    assert bool(finite(Seen(np.array(value), np.array(mask)))) is expected


def test_counts_are_always_finite() -> None:
    assert bool(finite(Seen(np.array([1, 2]), np.array([True, True]))))

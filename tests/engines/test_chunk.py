"""Draws that a compiled program looks at together: as many as stay in the cache, in equal chunks."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines.chunk import CHUNK_NUMBERS, chunk_size


@pytest.mark.parametrize(
    ("numbers", "draws", "width", "most", "together"),
    [
        (1, 1000, 1, None, 1000),  # few numbers: all draws
        (CHUNK_NUMBERS // 100, 1000, 1, None, 100),  # 100 fit
        (CHUNK_NUMBERS // 99, 1000, 1, None, 50),  # 99 fit; the largest divisor of 1,000 below is 50
        (CHUNK_NUMBERS // 100, 1000, 2, None, 50),  # each is looked at twice
        (1, 200, 1, 30, 25),
        (2 * CHUNK_NUMBERS, 1000, 1, None, 1),  # not even one fits
        (CHUNK_NUMBERS // 100, 97, 1, 96, 1),  # a prime number of draws
    ],
)
def test_chunks_are_equal_and_fit(numbers: int, draws: int, width: int, most: int | None, together: int) -> None:
    leaves = {"small": np.zeros(1), "large": np.zeros(numbers)}
    assert chunk_size(leaves, draws, width=width, most=most) == together


def test_without_leaves_all_draws_are_one_chunk() -> None:
    assert chunk_size({}, 60) == 60

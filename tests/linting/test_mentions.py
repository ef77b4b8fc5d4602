"""Whether a function mentions a number is told by its code."""

from __future__ import annotations

import numpy as np

from multiverse.linting.mentions import mentions

CODE = -77


def helper(x: float) -> bool:
    return x == CODE


def test_the_numbers_that_a_function_mentions() -> None:
    assert mentions(lambda data: data[data != -99], -99) and not mentions(lambda data: data, -99)
    assert not mentions(lambda data: data[data != 99], -99)
    assert mentions(lambda data: [x for x in data if helper(x)], CODE)
    assert mentions(lambda data: data not in (-8, -9), -9)
    assert not mentions(np.mean, 0)

"""The spaces of the benchmark have as many universes as its table says, by another way of counting."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "experiments" / "benchmarks" / "million_universes" / "measure.py"


@pytest.fixture(scope="module")
def measure() -> ModuleType:
    at = importlib.util.spec_from_file_location("million_universes", FILE)
    assert at is not None and at.loader is not None
    module = importlib.util.module_from_spec(at)
    at.loader.exec_module(module)
    return module


def test_sizes_are_those_of_the_table(measure):
    assert measure.plain().size == 10**6
    # d2 and d6 are one; d4 and d7: 10 + 9. Of d0, d1, d3, d5: 8 of d0 do not go with the ninth option of d5, then
    # d0 = d1 = 9, and d1 = 8, d3 = 5, d5 = 8 with any d0.
    four = 10 * 10 * 6 * 10 - 8 * 10 * 6 - (6 * 10 - 6) - 10
    assert measure.ruled().size == four * 10 * 19
    assert measure.union().size == 2 * (5 * 10**5 + 5 * 10**4) - 5 * 10**4


def test_what_is_timed_gives_back_what_went_in(measure):
    space = measure.ruled()
    assert [space.index(space[i]) for i in range(0, space.size, 9973)] == list(range(0, space.size, 9973))
    assert len(set(space.sample(measure.SAMPLE))) == measure.SAMPLE

"""Chains that stay apart are told from chains that mix slowly, and from those that mix."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines.diagnostics import Floats
from multiverse.engines.nuts.apart import groups_apart


@pytest.fixture
def together() -> Floats:
    """Four chains of independent draws."""
    return np.random.default_rng(0).normal(size=(4, 300))


def test_chains_in_one_place(together: Floats) -> None:
    assert groups_apart(together) == 1


@pytest.mark.parametrize("places, groups", [((0, 0, 0, 30), 2), ((30, 0, 30, 0), 2), ((-30, 0, 30, 0), 3)])
def test_chains_in_several(together: Floats, places: tuple[float, ...], groups: int) -> None:
    assert groups_apart(together + np.array(places)[:, None]) == groups


def test_one_crossing_holds_them_together(together: Floats) -> None:
    together[3] += 30
    together[3, 100] = 0
    assert groups_apart(together) == 1


def test_slow_chains_are_not_taken_for_modes(together: Floats) -> None:
    """A random walk may end anywhere: it does not mix by itself."""
    assert groups_apart(together.cumsum(axis=1) / 10 + 100 * np.arange(4)[:, None]) == 0


def test_nothing_is_told_of_what_is_stuck_short_or_not_finite(together: Floats) -> None:
    together[0] = 50
    assert groups_apart(together) == 0
    assert groups_apart(together[:, :4]) == 0
    together[1, 1] = np.nan
    assert groups_apart(together) == 0

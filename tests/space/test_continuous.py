"""Ranges as grids and as Sobol points: where points are, what they are called, and what stays when there are more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.errors import SpaceError
from multiverse.space.continuous import between, labels_of
from multiverse.space.decision import prior
from multiverse.space.sobol import sobol
from multiverse.space.space import Space

SD = between(0.1, 10, scale="log", reference=1)
CUT = between(0, 2)
RANGES = {"sd": SD, "cut": CUT}


def values(decision):
    return [option.value for option in decision.options]


def test_a_grid_has_equal_steps_on_its_scale():
    assert values(between(0, 1).grid(5)) == [0, 0.25, 0.5, 0.75, 1]
    assert values(between(1, 10_000, scale="log").grid(5)) == [1, 10, 100, 1000, 10_000]
    assert between(0, 1, kind="preprocessing").grid(5).labels == ("0", "0.25", "0.5", "0.75", "1")


@settings(deadline=None)
@given(st.sampled_from(["linear", "log"]), st.floats(1e-3, 1e3), st.floats(1.001, 1e4), st.integers(2, 40))
def test_a_finer_grid_has_the_values_of_the_coarser_one(scale, low, ratio, n):
    its = between(low, low * ratio, scale=scale)
    coarse, fine = values(its.grid(n)), values(its.grid(2 * n - 1))
    assert set(coarse) <= set(fine)
    assert coarse == sorted(coarse) and (coarse[0], coarse[-1]) == (low, low * ratio)
    steps = np.diff(np.log(coarse) if scale == "log" else coarse)
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-6)  # values have 12 digits, and steps as few as 1e-5 of one


def test_the_reference_is_an_option():
    assert between(0, 1, reference=0.3).grid(3).labels == ("0", "0.3", "0.5", "1")
    assert between(0, 1, reference=0.3).grid(3).reference == "0.3"
    assert between(0, 1, reference=0.5).grid(3).labels == ("0", "0.5", "1")
    assert between(0, 1).grid(3).reference == "0.5"
    assert SD.usual == 1.0 and between(1, 100, scale="log").usual == 10


@settings(deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), unique=True, min_size=1, max_size=30))
def test_labels_tell_values_apart_and_stay_when_more_come(numbers):
    labels = labels_of(numbers)
    assert len(set(labels)) == len(numbers)
    for n in range(len(numbers)):
        assert labels_of(numbers[:n]) == labels[:n]
    for label, value in zip(labels, numbers, strict=True):
        assert math.isclose(float(label), value, rel_tol=5.01e-3, abs_tol=1e-307)


def test_labels_are_short():
    told = labels_of([0.316227766, 0.3162, 12345.6, 12345.0, 1e-5, 1 / 3, 0.333, -0.0])
    assert told == ["0.316", "0.3162", "12300", "12340", "1e-05", "0.333", "0.3330", "0"]


@pytest.mark.parametrize("n", [1, 5, 32])
def test_the_next_sobol_points_contain_the_first(n):
    few, more = sobol(RANGES, n, seed=3), sobol(RANGES, 2 * n + 1, seed=3)
    for name in RANGES:
        assert len(few[name].options) == n + 1
        assert few[name].labels == more[name].labels[: n + 1]
        assert values(few[name]) == values(more[name])[: n + 1]


def test_sobol_points_fill_the_box_evenly():
    points = sobol(RANGES, 64, seed=1)
    shares = [
        [(math.log(value) - math.log(0.1)) / math.log(100) for value in values(points["sd"])[1:]],
        [value / 2 for value in values(points["cut"])[1:]],
    ]
    for share in shares:  # a (0, 6, 2) net: one point in each of 64 strips, either way, and in each of 8 x 8 squares
        assert sorted(int(64 * part) for part in share) == list(range(64))
    assert len({(int(8 * a), int(8 * b)) for a, b in zip(*shares, strict=True)}) == 64


def test_sobol_points_are_linked_decisions():
    points = sobol(RANGES, 16)
    space = Space(family=prior(normal=1, student=2), **points).link(*points)
    assert len(space) == 2 * 17
    assert dict(space.reference) == {"family": "normal", "sd": "1", "cut": "1"}
    together = set(zip(values(points["sd"]), values(points["cut"]), strict=True))
    assert {(space.values(u)["sd"], space.values(u)["cut"]) for u in space} == together


def test_another_seed_gives_other_points():
    assert values(sobol(RANGES, 4, seed=0)["cut"]) != values(sobol(RANGES, 4, seed=1)["cut"])
    assert values(sobol(RANGES, 4, seed=0)["cut"]) == values(sobol(RANGES, 4)["cut"])


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ("goes from 2 to 1", lambda: between(2, 1)),
        ("goes from 0 to inf", lambda: between(0, math.inf)),
        ("goes from '0' to 1", lambda: between("0", 1)),
        ("the scale 'lgo'.*(\n.*)*Did you mean 'log'", lambda: between(1, 2, scale="lgo")),
        ("scale 'log'", lambda: between(0, 1, scale="log")),
        ("reference 3 is not in the range", lambda: between(0, 1, reference=3)),
        ("grid is to have 1 points", lambda: between(0, 1).grid(1)),
        ("grid is to have 2.5 points", lambda: between(0, 1).grid(2.5)),
        ("not all different", lambda: between(1.0, 1.0 + 1e-15).grid(20)),
        ("sobol is to have 0 points", lambda: sobol(RANGES, 0)),
        ("{} for ranges", lambda: sobol({}, 4)),
        ("'sd' is a tuple, not a range", lambda: sobol({"sd": (0, 1)}, 4)),
        ("seed is -1", lambda: sobol(RANGES, 4, seed=-1)),
    ],
)
def test_mistakes_are_told(said, make):
    with pytest.raises(SpaceError, match=said):
        make()

from __future__ import annotations

import pytest

from multiverse.aggregate.intervals import KINDS, Kinds
from multiverse.engines.outcome import Interval

ONE = {"a": ("prior", list("pqrst"))}
MIXED = ["credible", "confidence", "none", "none", "confidence"]


def test_the_words_are_those_of_the_engines():
    assert set(KINDS) == set(Kinds._fields) == {kind.value for kind in Interval}


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (Kinds(5), "95% credible intervals"),
        (Kinds(0, 5), "95% confidence intervals"),
        (Kinds(0, 0, 5), "numbers alone, without intervals"),
        (Kinds(2, 3), "95% intervals (2 credible, 3 confidence)"),
        (Kinds(2, 0, 1), "95% intervals (2 credible; 1 without)"),
        (Kinds(0, 1200, 1), "95% intervals (1,200 confidence; 1 without)"),
        (Kinds(2, 3, 4), "95% intervals (2 credible, 3 confidence; 4 without)"),
        (Kinds(), "no intervals"),
    ],
)
def test_what_is_shown_is_said(kinds, said):
    assert str(kinds) == said


@pytest.mark.parametrize(
    ("kinds", "middle", "adjective"),
    [
        (Kinds(5), "median", "credible"),
        (Kinds(0, 5), "estimate", "confidence"),
        (Kinds(0, 0, 5), "estimate", ""),
        (Kinds(1, 2), "median or estimate", ""),
        (Kinds(1, 0, 2), "median or estimate", "credible"),
        (Kinds(0, 1, 2), "estimate", "confidence"),
        (Kinds(), "median", ""),
    ],
)
def test_medians_are_of_posteriors_only(kinds, middle, adjective):
    assert (kinds.middle("median", "estimate"), kinds.adjective) == (middle, adjective)


def test_estimates_say_the_kinds_of_the_green_universes(make):
    assert make(ONE, range(5), interval=MIXED).kinds == Kinds(1, 2, 2)
    assert make(ONE, range(5), interval=MIXED, red=(0, 2)).kinds == Kinds(0, 2, 1)
    assert make(ONE, range(5), interval="confidence", red=range(5)).kinds == Kinds(0, 5)
    assert make(ONE, range(5)).kinds.told == 5

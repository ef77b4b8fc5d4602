"""Answers that estimate one posterior: all pairs, and nothing but pairs, against a loop over them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from multiverse.aggregate.estimates import Estimates
from multiverse.aggregate.parameterizations import parameterizations

DECISIONS = {
    "prior": ("prior", ("weak", "tight")),
    "geometry": ("parameterization", ("centered", "half", "non-centered")),
    "scale": ("parameterization", ("log", "plain")),
}
RED = (4, 7)


@pytest.fixture
def ways(make) -> Estimates:
    """Two posteriors in six ways each; two answers are red."""
    means = np.random.default_rng(8).normal(size=12)
    return make(DECISIONS, means, mcse=np.linspace(0.1, 1.2, 12), red=RED)


def by_hand(rows: pd.DataFrame) -> dict[frozenset[str], float]:
    found = {}
    for one, other in itertools.combinations(rows.to_dict("records"), 2):
        if one["prior"] == other["prior"] and one["ok"] and other["ok"]:
            error = math.hypot(one["mcse_mean"], other["mcse_mean"])
            found[frozenset((one["key"], other["key"]))] = abs(one["mean"] - other["mean"]) / error
    return found


def test_all_pairs_and_no_others(ways: Estimates) -> None:
    told = parameterizations(ways)
    expected = by_hand(ways.table)
    pairs = [frozenset(pair) for pair in zip(told.table["key"], told.table["key_other"], strict=True)]
    assert len(pairs) == len(set(pairs)) == len(expected) == 2 * 10  # five green ways of each posterior
    found = dict(zip(pairs, told.table["in_mcse"].abs(), strict=True))
    assert found == pytest.approx(expected)
    assert list(told.table["in_mcse"].abs()) == sorted(found.values(), reverse=True)
    assert told.furthest == max(found.values()) and (told.posteriors, told.compared) == (2, 2)
    assert told.within == np.mean([value <= 2 for value in expected.values()])
    assert told.decisions == ("geometry", "scale") and set(told.table["prior"]) == {"weak", "tight"}


def test_printed(ways: Estimates) -> None:
    text = str(parameterizations(ways))
    assert text.startswith("'effect' of universes that differ only in 'geometry' and 'scale': 20 pairs")
    assert "2 of 2 posteriors with two green parameterizations or more" in text
    assert "centered, log and " in text
    assert "engine" not in text


def test_answers_of_other_engines_are_named(ways: Estimates) -> None:
    table = ways.table.assign(engine=["nuts", "laplace"] * 6)
    told = parameterizations(Estimates("effect", table, ways.decisions, 12))
    assert "some of these answers are from laplace: a run with engine='nuts'" in str(told)


def test_where_nothing_is_in_two_parameterizations(make) -> None:
    alone = parameterizations(make({"prior": ("prior", ("weak", "tight"))}, [0.0, 1.0]))
    assert (alone.posteriors, alone.compared, len(alone.table)) == (0, 0, 0)
    assert math.isnan(alone.furthest) and "0 pairs" in str(alone)
    red = parameterizations(make({"geometry": ("parameterization", ("a", "b"))}, [0.0, 1.0], red=(1,)))
    assert (red.posteriors, red.compared, len(red.table)) == (1, 0, 0)


def test_an_exact_duplicate_is_no_pair(make) -> None:
    both = make({"geometry": ("parameterization", ("a", "b", "c"))}, [0.0, 0.0, 0.5], mcse=0.1)
    keys = both.table["key"]
    table = both.table.assign(same_as=[None, keys[0], None])
    told = parameterizations(Estimates("effect", table, both.decisions, 3))
    assert {frozenset(pair) for pair in zip(told.table["key"], told.table["key_other"], strict=True)} == {
        frozenset((keys[0], keys[2])),
        frozenset((keys[1], keys[2])),
    }

"""Universes: immutable mappings from decision to label."""

from __future__ import annotations

import copy
import pickle

import pytest

from multiverse.errors import SpaceError
from multiverse.space.universe import Universe

NAMES = ("counties", "family", "tail")


def test_reads_as_a_mapping_in_declared_order():
    universe = Universe(NAMES, ("all", "normal", None))
    assert list(universe) == list(NAMES)
    assert dict(universe) == {"counties": "all", "family": "normal", "tail": None}
    assert universe["tail"] is None
    assert len(universe) == 3
    assert (universe.names, universe.labels) == (NAMES, ("all", "normal", None))


def test_active_leaves_out_what_does_not_apply():
    assert Universe(NAMES, ("all", "normal", None)).active == {"counties": "all", "family": "normal"}


def test_an_unknown_decision_is_a_key_error():
    with pytest.raises(KeyError, match="county"):
        Universe(NAMES, ("all", "normal", None))["county"]


def test_equal_universes_hash_alike_in_any_order_of_decisions():
    one = Universe(NAMES, ("all", "normal", None))
    same = Universe(NAMES[::-1], (None, "normal", "all"))
    other = Universe(NAMES, ("all", "student", None))
    assert one == same == dict(one)
    assert hash(one) == hash(same)
    assert one != other
    assert {one, same, other} == {one, other}


def test_cannot_be_changed():
    universe = Universe(NAMES, ("all", "normal", None))
    with pytest.raises(TypeError):
        universe["tail"] = "heavy"
    with pytest.raises(AttributeError):
        universe.labels = ()
    with pytest.raises(AttributeError):
        universe.note = "extra"


def test_survives_a_process_border_and_a_copy():
    universe = Universe(NAMES, ("all", "normal", None))
    assert pickle.loads(pickle.dumps(universe)) == universe
    assert copy.deepcopy(universe) == universe


def test_prints_short():
    assert repr(Universe(NAMES, ("all", "normal", None))) == "Universe(counties='all', family='normal', tail=None)"


def test_labels_and_decisions_must_match():
    with pytest.raises(SpaceError, match="a universe of 3 decisions was given 1 labels"):
        Universe(NAMES, ("all",))

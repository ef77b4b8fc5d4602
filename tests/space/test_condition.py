"""Conditions on labels: rules that are data."""

from __future__ import annotations

import inspect
import pickle

import pytest

from multiverse.space.condition import When


def test_a_condition_is_true_where_all_its_decisions_have_one_of_its_labels():
    when = When({"family": ["student", "cauchy"], "cut": "all"})
    assert when(family="student", cut="all") is when(family="cauchy", cut="all") is True
    assert when(family="normal", cut="all") is when(family="student", cut="some") is False
    assert when(family=None, cut="all") is False


def test_a_condition_is_a_mapping_and_a_function():
    when = When({"family": "student", "cut": ["all", "some"]})
    assert dict(when) == when.labels == {"family": ("student",), "cut": ("all", "some")}
    assert list(inspect.signature(when).parameters) == ["family", "cut"]
    assert str(when) == "family is 'student' and cut is 'all' or 'some'"


def test_conditions_are_compared_by_what_they_say_and_cross_processes():
    one, same = When({"a": "x", "b": ["y"]}), When({"b": "y", "a": ("x",)})
    assert one == same == pickle.loads(pickle.dumps(one)) and hash(one) == hash(same)
    assert one != When({"a": "x"})
    assert When({"b": {"z", "y", "x"}})["b"] == ("x", "y", "z")  # a set has another order in every process
    with pytest.raises(AttributeError):
        one.labels = {}  # type: ignore[misc]

from __future__ import annotations

import inspect
import itertools
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.interchange.among import Among, as_data, as_rule
from multiverse.space.condition import When
from multiverse.space.decision import prior
from multiverse.space.rules import Arguments

LABELS = {"a": ("x", "y", "z"), "b": ("x", "y"), "c": ("1",)}
DECISIONS = {name: prior({label: label for label in labels}) for name, labels in LABELS.items()}
ASKED = Arguments(("a",), ("b", "c"))


def combinations(idle=("b",)):
    return list(itertools.product(*((*LABELS[n], *((None,) if n in idle else ())) for n in ASKED.names)))


@given(st.sets(st.sampled_from(combinations())))
def test_a_function_as_data_is_true_for_the_same_labels(true: set[tuple[str | None, ...]]) -> None:
    patterns = as_data(lambda a, *, b, c: (a, b, c) in true, ASKED, DECISIONS, idle={"b"})
    assert patterns is not None
    rule = as_rule(patterns)
    asked = inspect.signature(rule).parameters
    assert set(asked) == set(ASKED.names)  # so that universes keep their order
    for row in combinations():
        given = {name: label for name, label in zip(ASKED.names, row, strict=True) if name in asked}
        assert bool(rule(**given)) is (row in true)


def test_a_list_of_labels_a_decision_is_a_when() -> None:
    patterns = as_data(lambda a, *, b, c: a != "x" and b == "y", ASKED, DECISIONS, idle=())
    assert patterns == ({"a": ("y", "z"), "b": ("y",), "c": ("1",)},)
    assert isinstance(as_rule(patterns), When)


def test_a_rule_that_is_never_true_stays_one() -> None:
    patterns = as_data(lambda a, *, b, c: False, ASKED, DECISIONS, idle=())
    assert patterns is not None and not as_rule(patterns)(a="x", b="x", c="1")


def test_what_raises_is_false() -> None:
    patterns = as_data(lambda a, *, b, c: b.upper() == "X", ASKED, DECISIONS, idle={"b"})
    assert patterns == ({"b": ("x",), "a": ("x", "y", "z"), "c": ("1",)},)


def test_too_many_combinations_are_neither_asked_nor_listed() -> None:
    many = {name: prior({str(i): i for i in range(27)}) for name in "abc"}
    three, asked = Arguments(("a", "b", "c"), ()), []
    assert as_data(lambda a, b, c: (int(a) + int(b) + int(c)) % 2 == 0, three, many, idle=()) is not None  # 19,683
    assert as_data(lambda a, b, c: (int(a) + int(b) * int(c)) % 27 == 3, three, many, idle=()) is None  # 412 patterns
    assert as_data(lambda a, b, c: asked.append(a), three, many, idle={"a"}) is None and not asked


@pytest.mark.parametrize("each", [False, True])
def test_options_mind_each_of_their_foes_and_rules_all_of_their_decisions(each: bool) -> None:
    one, two = {"a": ("x",)}, {"b": ("y",)}
    assert isinstance(as_rule([one, two], each=each), When if each else Among)
    assert isinstance(as_rule([one | two], each=each), Among if each else When)


def test_it_survives_a_pickle() -> None:
    rule = pickle.loads(pickle.dumps(Among(({"a": ("x", None)},))))
    assert rule(a=None) and not rule(a="y") and str(rule) == "a is x or not there"

"""Counting asks each rule as often as its arguments have combinations, however many universes there are."""

from __future__ import annotations

from collections import Counter

import pytest

from multiverse.space.count import order
from multiverse.space.decision import prior
from multiverse.space.space import Space


def million() -> Space:
    return Space({f"d{i}": prior({str(j): j for j in range(10)}) for i in range(6)})


def test_a_million_universes_without_rules_are_six_nodes():
    space = million()
    assert len(space) == 10**6
    level, nodes = {space._diagram.root}, 0
    while level:
        nodes += len(level)
        level = {child for node in level for child in node.children}
    assert nodes == 7  # one a decision, and the end


def test_rules_are_called_once_for_each_combination_of_their_arguments():
    calls: Counter[str] = Counter()

    def ends(d0, d5):
        calls["ends"] += 1
        return d0 == d5 == "9"

    def inner(d1, d4):
        calls["inner"] += 1
        return d1 == d4 == "9"

    def applies(d3):
        calls["applies"] += 1
        return d3 == "0"

    space = million().forbid("ends", ends).forbid("inner", inner).only_when("d2", applies)
    # d2 counts 10 where d3 is "0" and 1 elsewhere: 19 for d2 and d3, 99 for each forbidden pair.
    assert len(space) == 19 * 99 * 99
    assert calls == {"ends": 100, "inner": 100, "applies": 10}
    space[12345], space.index(space[-1]), space.sample(10), space.one_at_a_time(), space.check(), repr(space)
    assert sum(1 for _ in space) == len(space)
    assert calls == {"ends": 100, "inner": 100, "applies": 10}


def test_a_rule_that_looks_at_everything_is_called_once_a_universe():
    calls = 0

    def rule(a, b, c):
        nonlocal calls
        calls += 1
        return (a, b, c) == ("1", "1", "1")

    space = Space({name: prior({str(j): j for j in range(10)}) for name in "abc"}).forbid("no", rule)
    assert len(space) == 999
    assert calls == 1000


def test_a_rule_on_inactive_decisions_is_asked_about_none_once():
    asked = []

    def rule(tail):
        asked.append(tail)
        return tail == "heavy"

    space = Space(family=prior(normal=1, cauchy=2, student=3), tail=prior(light=1, heavy=2))
    space = space.only_when("tail", lambda family: family == "student").forbid("no", rule)
    assert [u.labels for u in space] == [("normal", None), ("cauchy", None), ("student", "light")]
    assert sorted(asked, key=str) == [None, "heavy", "light"]


def test_labels_that_lead_nowhere_are_not_offered():
    space = Space(a=prior(x=1, y=2), b=prior(x=1, y=2)).forbid("no b goes with y", lambda a, b: a == "y")
    assert [u.labels for u in space] == [("x", "x"), ("x", "y")]
    assert space[-1].labels == ("x", "y")
    assert {"a": "y", "b": "x"} not in space


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({}, "abcd"),
        ({"a": ["d"]}, "bcda"),
        ({"a": ["c"], "b": ["a"]}, "cabd"),
        ({"d": ["a"]}, "abcd"),
    ],
)
def test_order_is_as_declared_but_for_what_is_needed_before(needs, expected):
    assert "".join(order("abcd", {name: needs.get(name, []) for name in "abcd"})) == expected

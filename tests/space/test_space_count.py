"""Counting asks each rule as often as its arguments have combinations, however many universes there are."""

from __future__ import annotations

from collections import Counter

import pytest

from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.space.steps import order


def million() -> Space:
    return Space({f"d{i}": prior({str(j): j for j in range(10)}) for i in range(6)})


def test_a_million_universes_without_rules_are_six_nodes():
    space = million()
    assert len(space) == 10**6
    level, nodes = {space.diagram.root}, 0
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


def nodes_of(space: Space) -> int:
    level, found = {space.diagram.root}, 0
    while level:
        found += len(level)
        level = {child for node in level for child in node.children}
    return found


def test_a_rule_as_data_over_all_decisions_needs_two_nodes_a_decision():
    wide = Space({f"d{i}": prior({str(j): j for j in range(10)}) for i in range(30)})
    space = wide.forbid("all nines", dict.fromkeys(wide.decisions, "9"))
    assert space.size == 10**30 - 1
    assert nodes_of(space) == 2 * 30 - 1 + 1  # did all say "9" so far, or not; the first decision has one past


def test_options_that_ask_others_need_a_node_for_each_thing_they_remember():
    labels = [str(j) for j in range(10)]
    asks = {label: {"d0": label} for label in labels[1:3]}
    space = Space({f"d{i}": prior(dict.fromkeys(labels, 1), requires=asks if i == 9 else None) for i in range(10)})
    assert space.size == 10**8 * (8 * 8 + 9 + 9)
    assert nodes_of(space) == 1 + 3 * 9 + 1  # d0 is "1", "2" or another


def test_links_choose_and_do_not_try():
    options = {str(j): j for j in range(2000)}
    space = Space({name: prior(options) for name in "abc"} | {"d": prior(x=1, y=2)}).link("a", "b", "c")
    assert len(space) == 4000
    assert space.index(space[3001]) == 3001
    assert dict(space[3001]) == {"a": "1500", "b": "1500", "c": "1500", "d": "y"}


def test_a_union_of_large_spaces_is_a_sum_of_nodes():
    one, other = million(), million().only_when("d5", {"d4": "0"}).forbid("no", {"d0": "9", "d1": "9"})
    union = one | other
    assert union.size == 10**6 + (9 * 10 + 9) * 100 * 9  # what `other` adds are its universes without d5
    assert nodes_of(union) < 30


def test_rules_are_called_once_for_each_combination_in_a_union_too():
    calls: Counter[str] = Counter()

    def early(d0, d1):
        calls["early"] += 1
        return d0 == d1 == "9"

    union = million().forbid("early", early) | Space(other=prior({str(j): j for j in range(10)}))
    assert union.size == 99 * 10**4 + 10
    assert calls == {"early": 100}


def test_a_scan_keeps_nothing_and_what_is_forgotten_is_counted_once():
    wide = Space({name: prior({str(j): j for j in range(3)}) for name in "abcd"})

    def kept(space: Space) -> list[bool]:
        return [step.shared for step in space._examined.parts[0].steps]

    assert kept(wide.forbid("no", lambda a, b, c, d: a == b == c == d == "2")) == [False] * 4
    assert kept(wide.forbid("no", lambda a, b: a == b == "2")) == [False, False, True, True]
    assert kept(wide.forbid("no", {"a": "2", "c": "2"})) == [False, True, True, True]
    assert kept(wide.link("b", "d")) == [False, True, False, True]

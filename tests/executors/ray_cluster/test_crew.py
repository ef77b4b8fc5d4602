"""The workers of a sweep: who may be given a call, what is waited for, what a person is told."""

from __future__ import annotations

from typing import Any, cast

import pytest

from multiverse.executors.ray_cluster import crew as crew_file
from multiverse.executors.ray_cluster.crew import AHEAD, HELD_UP_SECONDS, HELD_UP_TIMES, Call, Crew
from multiverse.executors.ray_cluster.hello import Hello


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(crew_file.time, "monotonic", lambda: clock.now)
    return clock


def hello(host: str, node: str) -> Hello:
    return Hello(host, node, 1, {}, 0, ())


def call(promise: str) -> Call:
    return Call(cast(Any, None), promise)


def test_who_has_not_said_hello_is_waited_for_and_given_nothing(clock: Clock) -> None:
    crew = Crew()
    member = crew.join("actor", "greeting")
    assert crew.ready(9) is None and crew.promises() == {"greeting": member}
    assert crew.note() == "waiting for a worker"
    member.hello = hello("n1", "a")
    assert crew.ready(9) is member and crew.promises() == {} and crew.note() == ""


def test_who_has_fewest_calls_comes_first_and_nobody_has_too_many(clock: Clock) -> None:
    crew = Crew()
    one, two = (crew.join(name, name) for name in "ab")
    one.hello = two.hello = hello("n1", "a")
    one.give(call("first"))
    assert crew.ready(9) is two
    for _ in range(AHEAD):
        two.give(call("more"))
    assert crew.ready(9) is one
    assert crew.promises() == {"first": one, "more": two}
    assert crew.given == 1 + AHEAD


def test_nobody_is_given_a_call_ahead_when_few_are_left(clock: Clock) -> None:
    crew = Crew()
    one, two = (crew.join(name, name) for name in "ab")
    one.hello = hello("n1", "a")
    one.give(call("first"))
    assert crew.ready(2) is one
    assert crew.ready(1) is None  # the last one is for who is coming
    two.hello = hello("n1", "a")
    assert crew.ready(1) is two


def test_what_waits_behind_a_long_call_is_for_who_is_idle(clock: Clock) -> None:
    crew = Crew()
    members = [crew.join(name, name) for name in "abcd"]
    for member in members:
        member.hello = hello("n1", "a")
        member.give(call("first"))
    for member in members[1:]:
        member.give(call("second"))
    idle = members[0]
    crew.count(idle, 1, 20.0)
    clock.now += max(HELD_UP_SECONDS, HELD_UP_TIMES * 20.0) + 1
    assert crew.held_up() == []  # nobody is idle
    idle.ended()
    assert crew.held_up() == [members[1]]  # as many as are idle
    members[1].ended()
    assert crew.held_up() == [members[2]]
    clock.now -= 2
    assert crew.held_up() == []  # an ordinary call may take as long


def test_the_clock_of_a_call_begins_when_the_one_before_has_ended(clock: Clock) -> None:
    member = Crew().join("a", "a")
    member.give(call("first"))
    clock.now += 5
    member.give(call("second"))
    assert member.since == 1000.0
    assert member.ended().promise == "first" and member.since == 1005.0


def test_a_note_tells_rates_by_node_and_losses(clock: Clock) -> None:
    crew = Crew()
    members = [crew.join(name, name) for name in "abc"]
    for member, at in zip(members, [("n1", "aaaaaaaa"), ("n1", "bbbbbbbb"), ("n2", "cccccccc")], strict=True):
        member.hello = hello(*at)
        member.give(call("first"))
        crew.count(member, 20, 1.0)
    clock.now += 10
    assert crew.note() == "n1:aaaaaa 2/s, n1:bbbbbb 2/s, n2 2/s"
    assert [one.promise for one in crew.leave(members[2], died=True)] == ["first"]
    crew.leave(members[1], died=False)
    assert crew.note() == "n1 2/s, 1 worker lost"
    clock.now += 100  # what is long past tells nothing of the rate
    assert crew.note() == "n1 0/s, 1 worker lost"


def test_a_note_tells_refused_nodes_until_they_answer(clock: Clock) -> None:
    crew = Crew()
    member = crew.join("a", "a")
    member.hello = hello("n1", "id-1")
    crew.refused |= {"id-1": "n1", "id-2": "n2"}
    assert crew.note() == "2 nodes refused: n1 n2"
    member.give(call("first"))
    crew.count(member, 20, 1.0)
    assert crew.note().endswith("1 node refused: n2")
    crew.refused |= {f"id-{i}": f"n{i}" for i in range(2, 9)}
    assert crew.note().endswith("7 nodes refused")

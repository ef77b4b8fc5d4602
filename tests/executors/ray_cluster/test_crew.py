"""The workers of a sweep: who may be given a call, what is waited for, what a person is told."""

from __future__ import annotations

from typing import Any, cast

import pytest

from multiverse.executors.ray_cluster import crew as crew_file
from multiverse.executors.ray_cluster.crew import AHEAD, Call, Crew
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
    assert list(crew.ready()) == [] and crew.promises() == {"greeting": member}
    assert crew.note() == "waiting for a worker"
    member.hello = hello("n1", "a")
    assert list(crew.ready()) == [member] and crew.promises() == {} and crew.note() == ""


def test_who_has_fewest_calls_comes_first_and_nobody_has_too_many(clock: Clock) -> None:
    crew = Crew()
    one, two = (crew.join(name, name) for name in "ab")
    one.hello = two.hello = hello("n1", "a")
    one.give(call("first"))
    assert list(crew.ready()) == [two, one]
    for _ in range(AHEAD):
        two.give(call("more"))
    assert list(crew.ready()) == [one]
    assert crew.promises() == {"first": one, "more": two}


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
        crew.count(member, 20)
    clock.now += 10
    assert crew.note() == "n1:aaaaaa 2/s, n1:bbbbbb 2/s, n2 2/s"
    assert [one.promise for one in crew.leave(members[2], died=True)] == ["first"]
    crew.leave(members[1], died=False)
    assert crew.note() == "n1 2/s, 1 worker lost"
    clock.now += 100  # what is long past tells nothing of the rate
    assert crew.note() == "n1 0/s, 1 worker lost"

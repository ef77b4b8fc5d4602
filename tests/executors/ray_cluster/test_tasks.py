"""What follows from a death: whatever dies, each universe ends once, and none is given up that did not die alone."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Reason
from multiverse.executors.ray_cluster.tasks import CHANCES, DEATHS_ALONE, Death, GivenUp, Task, after_death
from multiverse.planning.plan import Wanted

DEATHS = st.lists(st.one_of(st.none(), st.sampled_from(Death)), max_size=60)  # None: a task that ends well


def batch(count: int) -> Batch:
    return Batch("batch", cast(Any, None), tuple(f"key-{i}" for i in range(count)), Wanted(()))


def follow(count: int, deaths: list[Death | None]) -> tuple[list[str], list[GivenUp], Counter[str]]:
    """Keys that were answered, what was given up, and how often each universe crashed alone."""
    whole = batch(count)
    waiting, done, given_up, alone = [Task(whole, whole.keys)], list[str](), list[GivenUp](), Counter[str]()
    for death in [*deaths, *[None] * (2 * count)]:
        if not waiting:
            break
        task = waiting.pop(0)
        if death is None:
            done += task.keys
            continue
        if len(task.keys) == 1:
            alone[task.keys[0]] += 1
        follows = after_death(task, death, "it died")
        if isinstance(follows, GivenUp):
            given_up.append(follows)
        else:
            waiting[:0] = follows
    assert not waiting
    return done, given_up, alone


@given(st.integers(1, 9), DEATHS)
def test_each_universe_ends_once(count: int, deaths: list[Death | None]) -> None:
    done, given_up, _ = follow(count, deaths)
    assert sorted([*done, *(key for one in given_up for key in one.task.keys)]) == sorted(batch(count).keys)


@given(st.integers(1, 9), DEATHS)
def test_only_who_died_alone_is_given_up(count: int, deaths: list[Death | None]) -> None:
    _, given_up, alone = follow(count, deaths)
    for one in given_up:
        (key,) = one.task.keys
        assert one.reason is Reason.time or alone[key] >= DEATHS_ALONE
    if not any(death in (Death.crash, Death.hang) for death in deaths):
        assert all(alone[one.task.keys[0]] > CHANCES for one in given_up)  # it takes its node along, again and again


def kills(task: Task, poison: set[str]) -> bool:
    return not poison.isdisjoint(task.keys)


@given(st.integers(1, 64), st.data())
def test_poison_is_found_and_nobody_else_is_lost(count: int, data: Any) -> None:
    whole = batch(count)
    poison = set(data.draw(st.lists(st.sampled_from(whole.keys), max_size=3)))
    waiting, given_up, calls = [Task(whole, whole.keys)], set[str](), 0
    while waiting:
        task, calls = waiting.pop(0), calls + 1
        if not kills(task, poison):
            continue
        follows = after_death(task, Death.crash, "it died")
        if isinstance(follows, GivenUp):
            assert follows.reason is Reason.crash
            given_up |= set(follows.task.keys)
        else:
            waiting[:0] = follows
    assert given_up == poison
    assert calls <= 1 + len(poison) * (3 * count.bit_length() + DEATHS_ALONE)  # a path of halves, each tried twice


def test_a_hang_is_waited_for_twice() -> None:
    whole = batch(5)
    apart = after_death(Task(whole, whole.keys, deaths=1), Death.hang, "it stood still")
    assert apart == [Task(whole, (key,)) for key in whole.keys]
    last = after_death(apart[2], Death.hang, "it stood still")
    assert isinstance(last, GivenUp) and (last.reason, last.message) == (Reason.time, "it stood still")


def test_who_is_given_up_is_told_what_was_seen() -> None:
    one = Task(batch(1), ("key-0",))

    def message(*deaths: Death) -> str:
        task = one
        for death in deaths:
            follows = after_death(task, death, "it died")
            if isinstance(follows, GivenUp):
                return follows.message
            (task,) = follows
        raise AssertionError("it is tried again")

    crash, chance = Death.crash, Death.chance
    assert message(crash, crash, crash) == "3 processes died of it, one after the other: it died"
    assert message(*[chance] * 8) == "8 nodes were lost with it, one after the other: it died"
    mixed = "2 processes died of it and 6 nodes were lost with it, one after the other: it died"
    assert message(crash, *[chance] * 6, crash) == mixed
    one_lost = "3 processes died of it and 1 node was lost with it, one after the other: it died"
    assert message(chance, crash, crash, crash) == one_lost


def test_a_part_of_a_batch_keeps_its_name() -> None:
    part = Task(batch(5), ("key-1", "key-3")).part
    assert (part.id, part.keys) == ("batch", ("key-1", "key-3"))

"""Compiled programs are made once, and let go before a process runs out of room for their code."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import pytest

from multiverse.engines import programs
from multiverse.engines.programs import Programs


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests' programs are neither counted nor let go."""
    monkeypatch.setattr(programs, "_USED", programs._Used())


@pytest.fixture
def made() -> list[Any]:
    """The keys of what had to be made, in order."""
    return []


def asked(of: Programs, made: list[Any], *keys: Any) -> None:
    """Ask for these in order; what had to be made is added to `made`."""
    for key in keys:
        assert of.get(key, lambda key=key: made.append(key) or f"program {key}") == f"program {key}"


def test_each_is_made_once_while_there_is_room(made: list[Any]) -> None:
    held = Programs()
    asked(held, made, 1, 2, 3, 1, 2, 3)
    assert made == [1, 2, 3]


def test_those_not_used_for_longest_are_let_go_and_made_again(made: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PROGRAMS_MOST", 4)
    held = Programs()
    asked(held, made, 1, 2, 3, 4, 1, 5)  # the fifth lets one go: 2, as 1 was used since
    assert made == [1, 2, 3, 4, 5]
    asked(held, made, 1, 3, 4, 5)
    assert made == [1, 2, 3, 4, 5]
    asked(held, made, 2)
    assert made == [1, 2, 3, 4, 5, 2]


def test_all_engines_share_the_room(made: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PROGRAMS_MOST", 2)
    one, other = Programs(), Programs()
    asked(one, made, "a")
    asked(other, made, "a", "b")
    assert made == ["a", "a", "b"]
    asked(one, made, "a")
    assert made == ["a", "a", "b", "a"]


def test_what_was_asked_for_last_is_kept_however_little_room_there_is(
    made: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_is_full", lambda: True)
    held = Programs()
    asked(held, made, 1, 1, 2, 2)
    assert made == [1, 2]


def test_programs_that_nobody_holds_any_more_are_no_obstacle(made: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a network that is done."""
    monkeypatch.setattr(programs, "PROGRAMS_MOST", 1)
    asked(Programs(), made, 1)
    gc.collect()
    asked(Programs(), made, 2)
    assert made == [1, 2]


def test_threads_that_share_little_room_all_get_their_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PROGRAMS_MOST", 3)
    monkeypatch.setattr(programs, "_is_full", lambda: False)  # looking takes longer than all else here
    held, wrong = Programs(), []

    def ask(first: int) -> None:
        for i in range(500):
            key = (first + 7 * i) % 10
            if held.get(key, lambda key=key: key * 11) != key * 11:
                wrong.append(key)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(sys.platform != "linux", reason="no other system has this limit")
def test_real_programs_stay_below_the_systems_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without letting go, the process would be killed at the limit, here lowered to a few programs more than it has."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from multiverse.planning.tracing import compiled

    def mapped() -> int:
        with programs.MAPPED.open("rb") as lines:
            return sum(1 for _ in lines)

    def program(number: int) -> Any:
        return compiled(lambda x: jnp.cumsum(jnp.sin(x + number)), np.zeros(100, np.float32))

    jax.block_until_ready(program(0)(np.zeros(100, np.float32)))
    gc.collect()  # else what other tests left is let go below, and makes room
    before, held = mapped(), Programs()
    room = 100
    limit = int(programs.MAPPED_MOST.read_text())
    monkeypatch.setattr(programs, "ROOM", (before + room) / limit)
    most = 0
    for number in range(24):
        held.get(number, lambda number=number: program(number))
        most = max(most, mapped())
    kept = [number for number in range(24) if number in held._values]
    assert most <= before + room + 100  # what was made before the next look
    assert 1 < len(kept) < 24
    assert kept[-1] == 23

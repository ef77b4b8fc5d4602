"""What a worker holds of what batches share: bounded in bytes, but for what the message at hand needs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from multiverse.executors.ray_cluster import held, worker
from multiverse.executors.ray_cluster.held import HELD_BYTES, Held, Sent
from multiverse.executors.ray_cluster.worker import Worker
from multiverse.testing_executors import PlainWork


class Store:
    """An object store: what was fetched from it, in order. A reference is the object."""

    def __init__(self) -> None:
        self.fetched: list[Any] = []

    def get(self, refs: Sequence[Any]) -> Sequence[Any]:
        self.fetched += refs
        return list(refs)


def named(**sizes: int) -> Mapping[str, Sent]:
    return {name: Sent(name.upper(), size) for name, size in sizes.items()}


def test_what_is_held_is_not_fetched_again() -> None:
    store, kept = Store(), Held()
    assert kept.of(named(a=1, b=2), store.get) == {"a": "A", "b": "B"}
    assert kept.of(named(b=2, c=3), store.get) == {"b": "B", "c": "C"}
    assert (store.fetched, kept.size, len(kept)) == (["A", "B", "C"], 6, 3)


def test_the_longest_unused_is_dropped_before_it_is_too_much() -> None:
    store, kept = Store(), Held(memory=400)
    assert kept.most == 100 and Held().most == HELD_BYTES
    kept.of(named(a=40), store.get)
    kept.of(named(b=40), store.get)
    kept.of(named(a=40, c=40), store.get)
    assert (kept.size, len(kept)) == (80, 2)
    kept.of(named(a=40, c=40), store.get)
    assert store.fetched == ["A", "B", "C"]
    kept.of(named(b=40), store.get)
    assert store.fetched == ["A", "B", "C", "B"]


def test_a_message_gets_all_it_needs_and_no_more_is_kept() -> None:
    store, kept = Store(), Held(memory=400)
    kept.of(named(a=60, x=10), store.get)
    assert kept.of(named(a=60, b=70, c=80), store.get) == {"a": "A", "b": "B", "c": "C"}
    assert (kept.size, len(kept)) == (210, 3)
    kept.of(named(d=50), store.get)
    assert (kept.size, len(kept)) == (50, 1)


def test_there_are_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "HELD", 3)
    store, kept = Store(), Held()
    for name in "abcde":
        kept.of(named(**{name: 1}), store.get)
    assert len(kept) == 3
    kept.of(named(c=1, d=1, e=1), store.get)
    assert store.fetched == list("ABCDE")


class Watched(Worker):
    """A worker in this process, which may take so many bytes, and is given what it would load."""

    def __init__(self, memory: int | None) -> None:
        self._memory = memory

    def _load(self, message: Any) -> Any:
        return message


class Publishing(PlainWork):
    """Work that notes what it publishes."""

    def __call__(self, batch: Any) -> Any:
        return self.publish(batch, self.fit(batch))

    def publish(self, batch: Any, outcomes: Any) -> Any:
        batch.append(tuple(outcomes))
        return ("light",)


@pytest.mark.parametrize("memory", [None, 2**60])
def test_a_batch_is_published_once(memory: int | None) -> None:
    published: list[Any] = []
    answer: Any = Watched(memory).run(cast(Any, (Publishing(lambda _: cast(Any, ("outcome",))), published)))
    assert (published, answer.outcomes, answer.overran) == ([("outcome",)], ("light",), "")


def test_a_batch_that_took_too_much_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, published = threading.Event(), list[Any]()
    monkeypatch.setattr(worker, "memory_taken", lambda: 2**30)

    def large(_: Any) -> Any:
        assert go_on.wait(30)
        return ("outcome",)

    answer = Watched(2**20).run(cast(Any, (Publishing(large), published)))
    go_on.set()
    for thread in threading.enumerate():
        if thread.daemon and thread.name.endswith("(work)"):
            thread.join(30)
    assert answer.overran.startswith("its process took 1.00 GiB") and published == []

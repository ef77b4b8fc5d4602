"""The order in which workers are given batches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from multiverse.engines.engine import Batch
from multiverse.executors.todo import WINDOW, Todo


def of(*programs: str) -> list[Batch]:
    return [
        Batch(f"{i}", cast(Any, SimpleNamespace(id=p)), (f"key-{i}",), cast(Any, None)) for i, p in enumerate(programs)
    ]


def test_a_device_prefers_programs_that_no_other_device_has_compiled() -> None:
    todo = Todo(of("a", "a", "b", "b", "a", "b"))
    taken: list[tuple[str, str]] = []
    for device in ("cpu 0", "cpu 1", "cpu 0", "cpu 1", "cpu 0", "cpu 1"):
        batch = todo.take(device)
        assert batch is not None
        taken.append((device, batch.program.id))
    assert taken == [("cpu 0", "a"), ("cpu 1", "b")] * 3
    assert todo.take("cpu 0") is None


def test_it_looks_only_so_far_ahead() -> None:
    """An order that is an honest sample of the whole is kept, but for a window."""
    todo = Todo(of(*["a"] * (WINDOW + 2), "b"))
    first, second = todo.take("cpu 0"), todo.take("cpu 1")
    assert first is not None and second is not None
    assert (first.id, second.id) == ("0", "1")


def test_on_one_device_the_order_stands() -> None:
    todo = Todo(of("a", "b", "a", "b"))
    batches = [todo.take("cpu 0") for _ in range(4)]
    assert [batch.id for batch in batches if batch] == ["0", "1", "2", "3"]


def test_what_was_put_back_comes_next_and_what_a_dead_worker_knew_is_forgotten() -> None:
    todo = Todo(of("a", "b", "a", "b"))
    first, second = todo.take("one"), todo.take("two")
    assert first is not None and second is not None and (first.id, second.id) == ("0", "1")
    todo.put_back([first])
    todo.forget("one")
    assert len(todo) == 3
    again = [batch.id for _ in range(3) if (batch := todo.take("three"))]
    assert again == ["0", "2", "3"]  # "two" knows b, so it is left to it while there is an a
    assert todo.take("two") is None

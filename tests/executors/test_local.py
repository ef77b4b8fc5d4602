"""The local executor: what every executor promises, and threads that share what they have compiled."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from multiverse.cores import cores
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError
from multiverse.executors.executor import Executor
from multiverse.executors.local import WINDOW, Local, _Todo
from multiverse.testing import ExecutorSuite


class TestOneThread(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Executor:
        return Local(threads=1)


class TestThreeThreads(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Executor:
        return Local(threads=3)


def test_by_default_every_core_works() -> None:
    assert Local().workers >= cores()


def test_no_threads_are_refused() -> None:
    with pytest.raises(PlanError, match="threads=0"):
        Local(threads=0)


def test_batches_run_side_by_side() -> None:
    """Each of three batches waits until the other two have begun."""
    all_there = threading.Barrier(3, timeout=20)

    def work(batch: Batch) -> tuple[Outcome, ...]:
        all_there.wait()
        return ()

    assert len(list(Local(threads=3).map(work, ExecutorSuite.batches(3)))) == 3


def test_one_thread_keeps_the_order() -> None:
    batches = ExecutorSuite.batches(9)
    assert [batch for batch, _ in Local(threads=1).map(lambda batch: (), batches)] == batches


def of(*programs: str) -> list[Batch]:
    return [
        Batch(f"{i}", cast(Any, SimpleNamespace(id=p)), (f"key-{i}",), cast(Any, None)) for i, p in enumerate(programs)
    ]


def test_a_device_prefers_programs_that_no_other_device_has_compiled() -> None:
    todo = _Todo(of("a", "a", "b", "b", "a", "b"))
    taken: list[tuple[str, str]] = []
    for device in ("cpu 0", "cpu 1", "cpu 0", "cpu 1", "cpu 0", "cpu 1"):
        batch = todo.next(device)
        assert batch is not None
        taken.append((device, batch.program.id))
    assert taken == [("cpu 0", "a"), ("cpu 1", "b")] * 3
    assert todo.next("cpu 0") is None


def test_it_looks_only_so_far_ahead() -> None:
    """An order that is an honest sample of the whole is kept, but for a window."""
    todo = _Todo(of(*["a"] * (WINDOW + 2), "b"))
    first, second = todo.next("cpu 0"), todo.next("cpu 1")
    assert first is not None and second is not None
    assert (first.id, second.id) == ("0", "1")


def test_on_one_device_the_order_stands() -> None:
    todo = _Todo(of("a", "b", "a", "b"))
    batches = [todo.next("cpu 0") for _ in range(4)]
    assert [batch.id for batch in batches if batch] == ["0", "1", "2", "3"]

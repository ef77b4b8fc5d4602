"""The local executor: what every executor promises, and threads that share what they have compiled."""

from __future__ import annotations

import threading

import pytest

from multiverse.cores import cores
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError
from multiverse.executors.executor import Executor
from multiverse.executors.local import Local
from multiverse.testing import ExecutorSuite
from multiverse.testing_executors import PlainWork


class TestOneThread(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Executor:
        return Local(threads=1)


class TestThreeThreads(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Executor:
        return Local(threads=3)


def test_by_default_every_core_works() -> None:
    assert Local().machines.workers >= cores()


def test_no_threads_are_refused() -> None:
    with pytest.raises(PlanError, match="threads=0"):
        Local(threads=0)


def test_batches_run_side_by_side() -> None:
    """Each of three batches waits until the other two have begun."""
    all_there = threading.Barrier(3, timeout=20)

    def work(batch: Batch) -> tuple[Outcome, ...]:
        all_there.wait()
        return ()

    assert len(list(Local(threads=3).map(PlainWork(work), ExecutorSuite.batches(3)))) == 3


def test_one_thread_keeps_the_order() -> None:
    batches = ExecutorSuite.batches(9)
    assert [batch for batch, _ in Local(threads=1).map(PlainWork(lambda batch: ()), batches)] == batches

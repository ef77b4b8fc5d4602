"""The suite of tests that a stranger's executor inherits, so that it keeps what ours promise."""

# ruff: noqa: D102  the name of a test says what it tests

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import StoreError
from multiverse.executors.executor import Executor
from multiverse.planning.plan import Wanted
from multiverse.planning.program import Member, Program


@dataclass(frozen=True)
class PlainWork:
    """A function of a batch as the work that an executor is given; nothing is published."""

    do: Callable[[Batch], tuple[Outcome, ...]]

    def __call__(self, batch: Batch) -> tuple[Outcome, ...]:
        """What the function makes of a batch."""
        return self.do(batch)

    def fit(self, batch: Batch) -> tuple[Outcome, ...]:
        """The same."""
        return self.do(batch)

    def publish(self, batch: Batch, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """What it is given."""
        return tuple(outcomes)

    def lost(self, batch: Batch, reason: Reason, message: str) -> tuple[Outcome, ...]:
        """An outcome for each universe, with this reason."""
        return tuple(Outcome(key, reason, message) for key in batch.keys)

    def landmarks(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def of(self, batch: Batch) -> PlainWork:
        """The same."""
        return self


def _program(name: str, *keys: str) -> Program:
    """A program of these universes, without a model."""
    nothing = cast(Any, None)
    members = {key: Member(key, nothing, 0, 0) for key in keys}
    return Program(name, "", nothing, nothing, members, None, "", {}, {}, {}, {})


class ExecutorSuite:
    """What every executor promises. Inherit it and give the fixture `executor`; it may run work in other processes."""

    BATCHES = 12
    PATIENCE = 0.5  # seconds that a slow batch takes

    @pytest.fixture
    def executor(self) -> Executor:
        """The executor."""
        raise NotImplementedError("give your own fixture `executor`")

    @staticmethod
    def batches(count: int) -> list[Batch]:
        """Batches of one universe, of two programs."""
        programs = [_program(f"program-{n}", *(f"key-{i}" for i in range(count))) for n in range(2)]
        return [Batch(f"batch-{i}", programs[i % 2], (f"key-{i}",), Wanted(())) for i in range(count)]

    def test_every_batch_runs_once_and_comes_with_its_own_outcomes(self, executor: Executor, tmp_path: Path) -> None:
        def work(batch: Batch) -> tuple[Outcome, ...]:
            (tmp_path / f"{batch.id}.{uuid.uuid4().hex}").touch()
            return tuple(Outcome(key) for key in batch.keys)

        done = list(executor.map(PlainWork(work), self.batches(self.BATCHES)))
        assert sorted(batch.id for batch, _ in done) == sorted(batch.id for batch in self.batches(self.BATCHES))
        assert all(tuple(o.key for o in outcomes) == batch.keys for batch, outcomes in done)
        assert len(list(tmp_path.iterdir())) == self.BATCHES

    def test_nothing_to_do_is_done(self, executor: Executor) -> None:
        assert list(executor.map(PlainWork(lambda batch: ()), [])) == []
        assert executor.machines.workers >= 1

    def test_what_work_raises_comes_out(self, executor: Executor) -> None:
        def work(batch: Batch) -> tuple[Outcome, ...]:
            if batch.id == "batch-3":
                raise StoreError([])
            return ()

        with pytest.raises(StoreError):
            list(executor.map(PlainWork(work), self.batches(self.BATCHES)))

    def test_a_batch_comes_out_when_it_is_done_not_when_all_are(self, executor: Executor, tmp_path: Path) -> None:
        pause = self.PATIENCE / 20

        def work(batch: Batch) -> tuple[Outcome, ...]:
            (tmp_path / batch.id).touch()
            time.sleep(pause)
            return ()

        many = self.batches(10 * executor.machines.workers)
        started = [len(list(tmp_path.iterdir())) for _ in executor.map(PlainWork(work), many)]
        assert started[0] < len(many)

    def test_a_slow_batch_does_not_hold_up_the_others(self, executor: Executor) -> None:
        if executor.machines.workers < 2:
            return
        patience = self.PATIENCE

        def work(batch: Batch) -> tuple[Outcome, ...]:
            time.sleep(patience if batch.id == "batch-0" else 0.0)
            return ()

        done = [batch.id for batch, _ in executor.map(PlainWork(work), self.batches(self.BATCHES))]
        assert done.index("batch-0") > self.BATCHES // 2

    def test_it_stops_when_nobody_asks_for_more(self, executor: Executor, tmp_path: Path) -> None:
        pause = self.PATIENCE / 10

        def work(batch: Batch) -> tuple[Outcome, ...]:
            (tmp_path / batch.id).touch()
            time.sleep(pause)
            return ()

        many = self.batches(20 * executor.machines.workers)
        running = executor.map(PlainWork(work), many)
        next(running)
        cast(Any, running).close()
        time.sleep(4 * pause)
        started = len(list(tmp_path.iterdir()))
        assert started < len(many) // 2
        time.sleep(2 * pause)
        assert len(list(tmp_path.iterdir())) == started

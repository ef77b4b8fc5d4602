"""The Ray executor on a real cluster: what every executor promises, the same draws, machines that come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import multiverse as mv
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.executors.executor import Executor
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.store.contract import Store, Table
from multiverse.testing import ExecutorSuite
from multiverse.testing_executors import PlainWork

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def two_workers(machines: Any) -> Iterator[Ray]:
    executor = Ray(workers=2)
    yield executor
    executor.close()


def nothing(batch: Batch) -> tuple[Outcome, ...]:
    return ()


class TestRay(ExecutorSuite):
    @pytest.fixture
    def executor(self, two_workers: Ray) -> Executor:
        """Both workers are there: a test before may have cost one, and the next takes seconds to start."""
        crew = two_workers._session().crew
        while sum(member.hello is not None for member in crew.members.values()) < 2:
            list(two_workers.map(PlainWork(nothing), self.batches(8)))
            time.sleep(0.2)
        return two_workers


def test_what_the_suite_used_is_let_go(two_workers: Executor, free: Callable[[], None]) -> None:
    two_workers.close()
    free()


def test_draws_are_those_of_this_process(
    machines: Any, normal_mean: ModuleType, once_each: Callable[[Store], Table], tmp_path: Path
) -> None:
    plan = mv.plan(normal_mean.study())
    here = mv.run(plan, store=tmp_path / "here", engine=normal_mean.QUICK)
    there = mv.run(plan, store=tmp_path / "there", engine=normal_mean.QUICK, executor="ray")
    assert once_each(there.store).equals(once_each(here.store))


def test_an_engine_that_asks_again_reads_what_another_worker_published(
    machines: Any, normal_mean: ModuleType, exact_engines: ModuleType, once_each: Callable[..., Table], tmp_path: Path
) -> None:
    plan, engine = mv.plan(normal_mean.study()), exact_engines.TwoRounds()
    here = mv.run(plan, store=tmp_path / "here", engine=engine)
    there = mv.run(plan, store=tmp_path / "there", engine=engine, executor=Ray(workers=2))
    assert once_each(there.store).equals(once_each(here.store))


def test_a_node_that_joins_is_used(
    machines: Any, normal_mean: ModuleType, exact_engines: ModuleType, events: Any, once_each: Any, tmp_path: Path
) -> None:
    plan, engine = mv.plan(normal_mean.study()), exact_engines.Paused(pause=0.3)
    executor = Ray(cpus=0, resources={"roams": 1})
    nodes: set[str] = set()
    added: list[Any] = []

    def then(_done: int) -> None:
        if not added:
            added.append(machines.node(resources={"roams": 1}))
            added[0].__enter__()
        crew = executor._sessions[0].crew
        nodes.update(member.hello.node for member in crew.members.values() if member.hello)

    try:
        there = mv.run(plan, store=tmp_path / "there", engine=engine, executor=executor, progress=events(then))
    finally:
        for node in added:
            node.__exit__(None, None, None)
    assert len(nodes) == 2
    here = mv.run(plan, store=tmp_path / "here", engine=engine)
    assert once_each(there.store).equals(once_each(here.store))

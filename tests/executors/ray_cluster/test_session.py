"""The driver's loop, on a cluster that is played: what waits behind a long call, and a cluster that goes away."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import ExecutorError
from multiverse.executors.ray_cluster import crew, recruiting, sending, session
from multiverse.executors.ray_cluster.crew import HELD_UP_SECONDS
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.executors.ray_cluster.hello import Hello, versions
from multiverse.executors.ray_cluster.session import Session
from multiverse.executors.ray_cluster.worker import Answer
from multiverse.testing import ExecutorSuite
from multiverse.testing_executors import PlainWork

ray = pytest.importorskip("ray")

ORDINARY, LONG = 1.0, 1000.0  # seconds that calls take


@dataclass(eq=False)
class Promise:
    """What a call gives when it has ended."""

    actor: Actor
    gives: Any
    seconds: float


@dataclass(eq=False)
class Actor:
    """A worker, which does one call after the other. busy: until when it is at the first."""

    cluster: Cluster
    name: str
    queue: list[Promise] = field(default_factory=list)
    busy: float = 0.0

    def __getattr__(self, method: str) -> Any:
        return SimpleNamespace(remote=lambda message: self.cluster.call(self, method))


class Cluster:
    """As Ray. The first call of the first worker is long."""

    exceptions, cloudpickle = ray.exceptions, ray.cloudpickle

    def __init__(self) -> None:
        self.now, self.actors, self.cancelled, self.ended = 1000.0, list[Actor](), list[Promise](), set[Promise]()
        self.gone, self.calls = False, 0

    def remote(self, _worker: Any) -> Any:
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self.start))

    def start(self, *_: Any, **__: Any) -> Actor:
        self.actors.append(Actor(self, f"n{len(self.actors)}"))
        return self.actors[-1]

    def call(self, actor: Actor, method: str) -> Promise:
        if method == "hello":
            promise = Promise(actor, Hello(actor.name, actor.name, 1, versions(), 0, ()), 0.0)
        else:
            self.calls += 1
            seconds = LONG if self.calls == 1 else ORDINARY
            promise = Promise(actor, Answer((), seconds), seconds)
        if not actor.queue:
            actor.busy = self.now + promise.seconds
        actor.queue.append(promise)
        return promise

    def put(self, one: Any) -> Any:
        return one

    def get(self, promise: Promise) -> Any:
        return promise.gives

    def kill(self, actor: Actor) -> None:
        actor.queue.clear()

    def cancel(self, promise: Promise) -> None:
        self.cancelled.append(promise)
        promise.actor.queue.remove(promise)

    def wait(self, promises: list[Promise], *, num_returns: int = 1, timeout: float) -> Any:
        if self.gone:
            raise ray.exceptions.RaySystemError("the head does not answer")
        self.now += timeout
        for actor in self.actors:
            while actor.queue and actor.busy <= self.now:
                self.ended.add(actor.queue.pop(0))
                actor.busy += actor.queue[0].seconds if actor.queue else 0.0
        done = [promise for promise in promises if promise in self.ended][:num_returns]
        return done, [promise for promise in promises if promise not in done]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    clock = SimpleNamespace(monotonic=lambda: cluster.now, sleep=lambda seconds: None)
    for file in (session, crew, recruiting):
        monkeypatch.setattr(file, "time", clock)
    for file in (session, sending):
        monkeypatch.setattr(file, "imported", lambda: cluster)
    monkeypatch.setattr(recruiting, "room", lambda need, **_: 2)
    return cluster


def nothing(batch: Batch) -> tuple[Outcome, ...]:
    return ()


def test_what_waits_behind_a_long_call_goes_to_who_is_idle(cluster: Cluster) -> None:
    batches = ExecutorSuite.batches(6)
    began, ends = cluster.now, list[float]()
    seen = []
    for batch, _ in Session(Ray(workers=2)).map(PlainWork(nothing), batches):
        seen.append(batch.id)
        ends.append(cluster.now - began)
    assert sorted(seen) == sorted(batch.id for batch in batches)
    assert len(cluster.cancelled) == 1  # it was given ahead when many waited
    assert ends[-2] < HELD_UP_SECONDS + 10 < LONG <= ends[-1]
    assert cluster.calls == len(batches) + 1


def test_a_cluster_that_is_gone_is_told(cluster: Cluster) -> None:
    seen = []
    with pytest.raises(ExecutorError) as caught:
        for batch, _ in Session(Ray(workers=2)).map(PlainWork(nothing), ExecutorSuite.batches(6)):
            seen.append(batch)
            cluster.gone = True
    (problem,) = caught.value.problems
    assert len(seen) == 1 and problem.what == "the cluster is gone: System error: the head does not answer"
    assert "the same command goes on" in problem.mend

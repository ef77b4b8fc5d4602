"""Batches that are fitted in parts: what is lost with a node is fitted again, and no more than that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome, Reason
from multiverse.executors.ray_cluster.mending import Mending
from multiverse.executors.ray_cluster.tasks import DEATHS_ALONE, DEATHS_TOGETHER, Death, Task
from multiverse.executors.ray_cluster.worker import Answer
from multiverse.planning.plan import Wanted


class Lost(Exception):
    """As Ray's."""


class Published:
    """Work that remembers."""

    def lost(self, batch: Batch, reason: Reason, message: str) -> tuple[Outcome, ...]:
        return tuple(Outcome(key, reason=reason, message=message) for key in batch.keys)

    def publish(self, batch: Batch, outcomes: Any) -> tuple[Outcome, ...]:
        return tuple(outcomes)


def fitted(task: Task) -> Answer:
    return Answer(tuple(Outcome(key) for key in task.keys), 0.1)


def test_only_what_went_with_its_node_is_fitted_again() -> None:
    kept: dict[str, Answer] = {}

    def get(ref: str) -> Answer:
        if ref not in kept:
            raise Lost(ref)
        return kept[ref]

    work: Any = Published()
    mending = Mending(SimpleNamespace(get=get, exceptions=SimpleNamespace(RayError=Lost)))
    batch = Batch("batch", cast(Any, None), ("a", "b", "c", "d"), Wanted(()))
    tasks = [Task(batch, batch.keys)]
    for _ in range(DEATHS_TOGETHER):
        tasks = list(mending.after_death(tasks[0], Death.crash, "it died", work).again)
    left, right = tasks  # halves
    poison = Task(batch, ("a",))
    for _ in range(DEATHS_ALONE - 1):
        (poison,) = mending.after_death(poison, Death.crash, "it died", work).again
    assert mending.after_death(poison, Death.crash, "it died", work).done is None
    kept["left"] = fitted(Task(batch, ("b",)))
    assert mending.part(Task(batch, ("b",)), "left", work) == ((), None)
    assert left.keys == ("a", "b") and mending.in_parts(batch)

    follows = mending.part(right, "gone", work)
    assert follows.done is None and [task.keys for task in follows.again] == [("c", "d")]
    assert mending.in_parts(batch)  # what is done again is a part
    del kept["left"]  # it was fetched already
    kept["again"] = fitted(right)
    done = mending.part(right, "again", work).done
    assert done is not None and not mending.in_parts(batch)
    assert [(outcome.key, outcome.reason) for outcome in done[1]] == [
        ("a", Reason.crash),
        ("b", Reason.ok),
        ("c", Reason.ok),
        ("d", Reason.ok),
    ]

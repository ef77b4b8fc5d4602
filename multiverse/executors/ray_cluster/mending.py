"""Batches whose process died: what of them is fitted again, and a batch made whole of the parts it was split into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.executors.executor import Work
from multiverse.executors.ray_cluster.tasks import Death, GivenUp, Task, after_death
from multiverse.executors.ray_cluster.worker import Answer

Done = tuple[Batch, tuple[Outcome, ...]]


class Follows(NamedTuple):
    """What is to be done again, and the batch that is done with this, if one is."""

    again: Sequence[Task] = ()
    done: Done | None = None


@dataclass
class _Broken:
    """A batch that is fitted in parts. missing: its keys without an outcome; parts: of the others, with their answers.

    An answer stays on the node that fitted it until the last one is there.
    """

    batch: Batch
    missing: set[str]
    parts: list[tuple[Task, Any]] = field(default_factory=list)


class Mending:
    """The batches that are in parts now. A part is fitted, not published; with the last one the batch is, whole."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._broken: dict[str, _Broken] = {}

    def in_parts(self, batch: Batch) -> bool:
        """Whether parts of this batch are fitted apart."""
        return batch.id in self._broken

    def forget(self) -> None:
        """Nobody waits for these batches any more."""
        self._broken.clear()

    def after_death(self, task: Task, death: Death, said: str, work: Work) -> Follows:
        """A process was lost over a task: it is tried again, in parts, or its universe is given up."""
        follows = after_death(task, death, said)
        if isinstance(follows, GivenUp):
            self._break(task.batch)
            return self.part(task, Answer(work.lost(task.part, follows.reason, follows.message), 0.0), work)
        if len(follows) > 1:
            self._break(task.batch)
        return Follows(again=follows)

    def part(self, task: Task, answer: Any, work: Work) -> Follows:
        """A part is there: an answer, or the reference to one. With the last one the batch is published, from here.

        Parts whose answers went with their node are fitted again, and no others.
        """
        broken = self._broken[task.batch.id]
        broken.missing.difference_update(task.keys)
        broken.parts.append((task, answer))
        if broken.missing:
            return Follows()
        parts, broken.parts = broken.parts, []
        again = []
        for part, there in parts:
            try:
                broken.parts.append((part, there if isinstance(there, Answer) else self._ray.get(there)))
            except self._ray.exceptions.RayError:  # its node is gone, and what it had fitted
                again.append(part)
        if again:
            broken.missing.update(key for part in again for key in part.keys)
            return Follows(again=again)
        del self._broken[task.batch.id]
        by_key = {outcome.key: outcome for _, some in broken.parts for outcome in some.outcomes}
        return Follows(done=(task.batch, work.publish(task.batch, [by_key[key] for key in task.batch.keys])))

    def _break(self, batch: Batch) -> None:
        self._broken.setdefault(batch.id, _Broken(batch, set(batch.keys)))

"""The driver's loop: hands tasks to workers, sees who ends, who dies and who is over time, and mends it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import ExecutorError, Problem
from multiverse.executors.executor import Work
from multiverse.executors.ray_cluster.cluster import imported, room
from multiverse.executors.ray_cluster.crew import Call, Crew, Member
from multiverse.executors.ray_cluster.hello import check
from multiverse.executors.ray_cluster.own_modules import by_value, own_modules, sources
from multiverse.executors.ray_cluster.sending import Sender
from multiverse.executors.ray_cluster.tasks import Death, GivenUp, Task, after_death
from multiverse.executors.ray_cluster.worker import Answer, Worker
from multiverse.executors.todo import Todo

if TYPE_CHECKING:
    from multiverse.executors.ray_cluster.executor import Ray

TICK: Final = 0.5  # seconds between looks at clocks and at the cluster, while nothing ends
GROW_SECONDS: Final = 5.0  # between looks for nodes that have joined
STARTS_IN_VAIN: Final = 3  # workers that die before they say hello, before none is tried again
GRACE: Final = 2.0  # seconds that work under way gets to end when the caller stops, as in this process

Done = tuple[Batch, tuple[Outcome, ...]]


@dataclass
class _Broken:
    """A batch that is fitted in parts. missing: its keys without an outcome; answers: of the others."""

    batch: Batch
    missing: set[str]
    answers: list[Any] = field(default_factory=list)


class Session:
    """Workers on a cluster, from the first batch of a sweep to its end."""

    def __init__(self, settings: Ray) -> None:
        self._settings, self._ray = settings, imported()
        self.crew, self._sender, self._stack = Crew(), Sender(), ExitStack()
        self._broken: dict[str, _Broken] = {}
        self._looked, self._room, self._in_vain = -GROW_SECONDS, 1, 0
        modules = own_modules()
        pickle = self._ray.cloudpickle
        self._stack.enter_context(by_value(modules, pickle.register_pickle_by_value, pickle.unregister_pickle_by_value))
        self._actor = self._ray.remote(Worker).options(**settings.options())
        self._start = (self._ray.put(sources(modules)), settings.start())

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[Done]:
        """See `Executor.map`."""
        todo: Todo[Task] = Todo([Task(batch, batch.keys) for batch in batches])
        unfinished = len(batches)
        greeting = self._sender.pack((work, work.landmarks())) if batches else None
        try:
            while unfinished:
                self._recruit(len(todo) + self._given(), greeting)
                self._hand_out(todo, work)
                for done in self._ended(todo, work):
                    unfinished -= 1
                    yield done
                for done in self._over_time(todo, work):
                    unfinished -= 1
                    yield done
        finally:
            self._stop(todo)

    def close(self) -> None:
        """Let all workers go."""
        for member in list(self.crew.members.values()):
            self._dismiss(member, died=False)
        self._stack.close()

    def _given(self) -> int:
        return sum(len(member.calls) for member in self.crew.members.values())

    def _recruit(self, tasks: int, greeting: Any) -> None:
        """Start workers for which there is room and work."""
        now = time.monotonic()
        if now - self._looked >= GROW_SECONDS:
            self._looked, self._room = now, max(1, room(self._settings.need()))
        wanted = min(self._settings.workers or self._room, tasks)
        while len(self.crew.members) < wanted:
            sent, (cache, x64) = self._start
            s = self._settings
            actor = self._actor.remote(sent, cpus=s.cpus, gpus=s.gpus, memory=s.memory_bytes, cache=cache, x64=x64)
            self.crew.join(actor, actor.hello.remote(greeting))

    def _hand_out(self, todo: Todo[Task], work: Work) -> None:
        """Give the next tasks to workers that have room; each gets those of programs that it knows."""
        while len(todo):
            members = list(self.crew.ready())
            if not members:
                return
            for member in members:
                if (task := todo.take(member.name)) is None:
                    return
                self._give(member, task, work)

    def _give(self, member: Member, task: Task, work: Work) -> None:
        message = self._sender.message(work, task.part)
        if task.batch.id in self._broken:
            promise, answer = member.actor.fit.options(num_returns=2).remote(message)
            member.give(Call(task, promise, answer))
        else:
            member.give(Call(task, member.actor.run.remote(message)))

    def _ended(self, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """What has ended since the last look; waits a moment if nothing has."""
        waited = self.crew.promises()
        if not waited:
            time.sleep(TICK)
            return
        first, _ = self._ray.wait(list(waited), timeout=TICK)
        ready, _ = self._ray.wait(list(waited), num_returns=len(waited), timeout=0) if first else ([], [])
        for promise in ready:
            member = waited[promise]
            if member.name not in self.crew.members:
                continue
            if member.hello is None:
                self._heard(member, work)
            else:
                yield from self._answered(member, todo, work)

    def _heard(self, member: Member, work: Work) -> None:
        """A worker said hello, or died before."""
        errors = self._ray.exceptions
        try:
            member.hello = self._ray.get(member.greeting)
        except errors.RayActorError as error:
            self._dismiss(member, died=True)
            self._in_vain += 1
            if self._in_vain >= STARTS_IN_VAIN:
                raise ExecutorError(_never_starts(_said(error))) from error
            return
        except errors.RayTaskError as error:
            raise ExecutorError(_never_starts(_said(error))) from error
        self._in_vain = 0
        check([member.hello], getattr(getattr(work, "store", None), "describe", str)())

    def _answered(self, member: Member, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """The first call of a worker has ended: well, or with the worker's death, or by a fault of the store."""
        errors = self._ray.exceptions
        call = member.calls[0]
        try:
            answer: Answer = self._ray.get(call.promise)
        except errors.RayTaskError as error:
            if not isinstance(error.cause, MemoryError):
                raise error.cause from error
            yield from self._died(member, Death.crash, "it ran out of memory", todo, work)
            return
        except errors.RayActorError as error:
            chance = error.preempted or "node has died" in str(error)
            yield from self._died(member, Death.chance if chance else Death.crash, _said(error), todo, work)
            return
        except (errors.ObjectLostError, errors.NodeDiedError) as error:
            yield from self._died(member, Death.chance, _said(error), todo, work)
            return
        if answer.overran:
            yield from self._died(member, Death.crash, answer.overran, todo, work)
            return
        member.ended()
        self.crew.count(member, len(call.task.keys))
        if call.answer is None:
            yield call.task.batch, answer.outcomes
        else:
            yield from self._part(call.task, call.answer, todo, work)

    def _died(self, member: Member, death: Death, said: str, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """A worker is lost: what it was at is tried again, split or given up; what waited for it goes back."""
        todo.forget(member.name)
        first, *others = self._dismiss(member, died=True)
        todo.put_back([call.task for call in others])
        task = first.task
        follows = after_death(task, death, said)
        if isinstance(follows, GivenUp):
            self._broken.setdefault(task.batch.id, _Broken(task.batch, set(task.batch.keys)))
            lost = work.lost(task.part, follows.reason, follows.message)
            yield from self._part(task, Answer(lost, 0.0), todo, work)
            return
        if len(follows) > 1:
            self._broken.setdefault(task.batch.id, _Broken(task.batch, set(task.batch.keys)))
        todo.put_back(follows)

    def _part(self, task: Task, answer: Any, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """A part of a batch is there; with the last one the batch is published, from here."""
        broken = self._broken[task.batch.id]
        broken.missing.difference_update(task.keys)
        broken.answers.append(answer)
        if broken.missing:
            return
        del self._broken[task.batch.id]
        try:
            answers = [a if isinstance(a, Answer) else self._ray.get(a) for a in broken.answers]
        except self._ray.exceptions.RayError:  # its node is gone, and what it had fitted
            todo.put_back([Task(task.batch, task.batch.keys)])
            return
        by_key = {outcome.key: outcome for some in answers for outcome in some.outcomes}
        yield task.batch, work.publish(task.batch, [by_key[key] for key in task.batch.keys])

    def _over_time(self, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """Workers whose call should have ended long ago are stopped: they stand still where no clock is looked at."""
        now = time.monotonic()
        for member in list(self.crew.members.values()):
            if member.hello is None or not member.calls:
                continue
            task = member.calls[0].task
            limit = task.batch.wanted.time_limit
            if limit is None or now - member.since <= limit * len(task.keys) + self._settings.patience:
                continue
            said = (
                f"its process stood still: it was stopped after {now - member.since:.3g} s, {self._settings.patience:g}"
                f" s more than the limit of {limit:g} s"
            )
            yield from self._died(member, Death.hang, said, todo, work)

    def _dismiss(self, member: Member, *, died: bool) -> list[Call]:
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(member.actor)
        return self.crew.leave(member, died=died)

    def _stop(self, todo: Todo[Task]) -> None:
        """The caller stops, or all is done: no batch is begun any more, what is under way gets a moment to end."""
        todo.stop()
        self._broken.clear()
        busy = [member for member in self.crew.members.values() if member.calls]
        for member in busy:
            for call in list(member.calls)[1:]:
                with suppress(self._ray.exceptions.RayError):
                    self._ray.cancel(call.promise)
        if busy:
            heads = [member.calls[0].promise for member in busy]
            self._ray.wait(heads, num_returns=len(heads), timeout=GRACE)
        for member in busy:
            self._dismiss(member, died=False)


def _said(error: Exception) -> str:
    """What Ray says of a death, in one line: its own account, without the names of its parts."""
    text = " ".join(str(error).split())
    for mark in ("Worker exit detail: ", "The actor is dead because ", "The actor died because of "):
        if mark in text:
            return text.rpartition(mark)[2].partition(" Some common causes")[0]
    return text


def _never_starts(said: str) -> Problem:
    if "No module named 'multiverse" in said:
        return Problem(
            "multiverse is not installed on a node of the cluster.",
            "the same version as here, on every node",
            "pip install 'multiverse[ray]' there, or use the container image of deploy/containers",
        )
    return Problem(
        f"no worker starts: {said}",
        "processes that import multiverse",
        "run `python -c 'import multiverse'` on a node, in the environment in which Ray was started",
    )

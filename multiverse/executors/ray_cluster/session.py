"""The driver's loop: hands tasks to workers, sees who ends, who dies and who is over time, and mends it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from multiverse.engines.engine import Batch
from multiverse.errors import ExecutorError
from multiverse.executors.executor import Work
from multiverse.executors.ray_cluster import hello
from multiverse.executors.ray_cluster.cluster import imported
from multiverse.executors.ray_cluster.crew import Call, Crew, Member
from multiverse.executors.ray_cluster.hello import Asked
from multiverse.executors.ray_cluster.losses import Loss, by_chance, gone, loss, said
from multiverse.executors.ray_cluster.mending import Done, Follows, Mending
from multiverse.executors.ray_cluster.recruiting import Recruiting
from multiverse.executors.ray_cluster.sending import Sender
from multiverse.executors.ray_cluster.tasks import Death, Task
from multiverse.executors.ray_cluster.worker import Answer
from multiverse.executors.todo import Todo
from multiverse.own_modules import by_value, own_modules, sources

if TYPE_CHECKING:
    from multiverse.executors.ray_cluster.executor import Ray

TICK: Final = 0.5  # seconds between looks at clocks and at the cluster, while nothing ends
GRACE: Final = 2.0  # seconds that work under way gets to end when the caller stops, as in this process


class Session:
    """Workers on a cluster, from the first batch of a sweep to its end."""

    def __init__(self, settings: Ray) -> None:
        self._settings, self._ray = settings, imported()
        self.crew, self._sender, self._stack = Crew(), Sender(), ExitStack()
        self._mending = Mending(self._ray)
        modules = own_modules()
        pickle = self._ray.cloudpickle
        self._stack.enter_context(by_value(modules, pickle.register_pickle_by_value, pickle.unregister_pickle_by_value))
        self._recruiting = Recruiting(settings, self.crew, self._ray, sources(modules))

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[Done]:
        """See `Executor.map`. Raises ExecutorError where no worker can do the work, and where the cluster is gone."""
        todo: Todo[Task] = Todo([Task(batch, batch.keys) for batch in batches])
        unfinished = len(batches)
        if not batches:
            return
        try:
            asked = Asked(work.of(batches[0]), work.landmarks(), hello.SEEN_SECONDS, self._settings.gpus > 0)
            greeting = self._sender.pack(asked)
            while unfinished:
                self._recruiting.recruit(len(todo) + self.crew.given, greeting)
                self._hand_out(todo, work)
                for look in (self._ended, self._over_time):
                    for done in look(todo, work):
                        unfinished -= 1
                        yield done
        except self._ray.exceptions.RayError as error:
            raise ExecutorError(gone(error)) from error
        finally:
            self._stop(todo)

    def close(self) -> None:
        """Let all workers go."""
        for member in list(self.crew.members.values()):
            self._recruiting.dismiss(member, died=False)
        self._stack.close()

    def _hand_out(self, todo: Todo[Task], work: Work) -> None:
        """Give the next tasks to workers that have room; each gets those of programs that it knows."""
        if not len(todo):
            todo.put_back([self._taken_back(member) for member in self.crew.held_up()])
        while (waiting := len(todo)) and (member := self.crew.ready(waiting)):
            if (task := todo.take(member.name)) is None:
                return
            self._give(member, task, work)

    def _taken_back(self, member: Member) -> Task:
        """What waits behind a long call. Where it has begun all the same it is done twice: its part is the same."""
        call = member.calls.pop()
        with suppress(self._ray.exceptions.RayError):
            self._ray.cancel(call.promise)
        return call.task

    def _give(self, member: Member, task: Task, work: Work) -> None:
        message = self._sender.message(work, task.part)
        if self._mending.in_parts(task.batch):
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
                self._recruiting.heard(member, getattr(getattr(work, "store", None), "describe", str)())
            else:
                yield from self._answered(member, todo, work)

    def _answered(self, member: Member, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """The first call of a worker has ended: well, or with the worker's death, or by a fault of the store."""
        errors = self._ray.exceptions
        call = member.calls[0]
        try:
            answer: Answer = self._ray.get(call.promise)
        except errors.RayTaskError as error:
            if isinstance(error.cause, MemoryError):
                yield from self._died(member, Loss(Death.crash, "it ran out of memory"), todo, work)
            elif by_chance(error, errors):
                self._sender.put_again()
                yield from self._died(member, Loss(Death.chance, said(error.cause)), todo, work)
            elif isinstance(error.cause, ExecutorError) and self.crew.others_answered(member):
                assert member.hello is not None, "it is given calls after it said hello"
                todo.forget(member.name)
                calls = self._recruiting.refuse(member, error.cause, member.hello.node, member.hello.host)
                todo.put_back([call.task for call in calls])
            elif isinstance(error.cause, errors.RayError):
                raise RuntimeError(str(error.cause)) from error  # not of the cluster
            else:
                raise error.cause from error
            return
        except errors.RayError as error:
            yield from self._died(member, loss(error), todo, work)
            return
        if answer.overran:
            yield from self._died(member, Loss(Death.crash, answer.overran), todo, work)
            return
        member.ended()
        self.crew.count(member, len(call.task.keys), answer.seconds)
        if call.answer is None:
            yield call.task.batch, answer.outcomes
        else:
            yield from self._follow(self._mending.part(call.task, call.answer, work), todo)

    def _died(self, member: Member, how: Loss, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """A worker is lost: what it was at is tried again, split or given up; what waited for it goes back."""
        todo.forget(member.name)
        first, *others = self._recruiting.dismiss(member, died=True)
        todo.put_back([call.task for call in others])
        yield from self._follow(self._mending.after_death(first.task, how.death, how.said, work), todo)

    def _follow(self, follows: Follows, todo: Todo[Task]) -> Iterator[Done]:
        todo.put_back(follows.again)
        if follows.done is not None:
            yield follows.done

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
            if self._ray.wait([member.calls[0].promise], timeout=0)[0]:
                continue  # it has ended while nobody looked
            told = (
                f"its process stood still: it was stopped after {now - member.since:.3g} s, {self._settings.patience:g}"
                f" s more than the limit of {limit:g} s"
            )
            yield from self._died(member, Loss(Death.hang, told), todo, work)

    def _stop(self, todo: Todo[Task]) -> None:
        """The caller stops, or all is done: no batch is begun any more, what is under way gets a moment to end."""
        todo.stop()
        self._mending.forget()
        busy = [member for member in self.crew.members.values() if member.calls]
        for member in busy:
            for call in list(member.calls)[1:]:
                with suppress(self._ray.exceptions.RayError):
                    self._ray.cancel(call.promise)
        if busy:
            heads = [member.calls[0].promise for member in busy]
            with suppress(self._ray.exceptions.RayError):
                self._ray.wait(heads, num_returns=len(heads), timeout=GRACE)
        for member in busy:
            self._recruiting.dismiss(member, died=False)

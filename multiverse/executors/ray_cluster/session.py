"""The driver's loop: hands tasks to workers, sees who ends, who dies and who is over time, and mends it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

from multiverse.engines.engine import Batch
from multiverse.errors import ExecutorError, MultiverseError
from multiverse.executors.executor import Work
from multiverse.executors.ray_cluster.cluster import imported, no_room, room
from multiverse.executors.ray_cluster.crew import Call, Crew, Member
from multiverse.executors.ray_cluster.hello import check
from multiverse.executors.ray_cluster.losses import Loss, loss, never_starts, said
from multiverse.executors.ray_cluster.mending import Done, Follows, Mending
from multiverse.executors.ray_cluster.sending import Sender
from multiverse.executors.ray_cluster.tasks import Death, Task
from multiverse.executors.ray_cluster.worker import Answer, Worker
from multiverse.executors.todo import Todo
from multiverse.own_modules import by_value, own_modules, sources

if TYPE_CHECKING:
    from multiverse.executors.ray_cluster.executor import Ray

TICK: Final = 0.5  # seconds between looks at clocks and at the cluster, while nothing ends
GROW_SECONDS: Final = 5.0  # between looks for nodes that have joined
STARTS_IN_VAIN: Final = 3  # workers that die before they say hello, before none is tried again
GRACE: Final = 2.0  # seconds that work under way gets to end when the caller stops, as in this process
ALONE_SECONDS: Final = 60.0  # without any worker, before a person is told what is waited for


class Session:
    """Workers on a cluster, from the first batch of a sweep to its end."""

    def __init__(self, settings: Ray) -> None:
        self._settings, self._ray = settings, imported()
        self.crew, self._sender, self._stack = Crew(), Sender(), ExitStack()
        self._mending = Mending(self._ray)
        self._looked, self._room, self._in_vain = -GROW_SECONDS, 1, 0
        self._alone_since: float | None = time.monotonic()  # None once somebody was told
        modules = own_modules()
        pickle = self._ray.cloudpickle
        self._stack.enter_context(by_value(modules, pickle.register_pickle_by_value, pickle.unregister_pickle_by_value))
        self._actor = self._ray.remote(Worker).options(**settings.options())
        self._start = (self._ray.put(sources(modules)), settings.told())

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[Done]:
        """See `Executor.map`."""
        todo: Todo[Task] = Todo([Task(batch, batch.keys) for batch in batches])
        unfinished = len(batches)
        greeting = self._sender.pack((work.of(batches[0]), work.landmarks())) if batches else None
        try:
            while unfinished:
                self._recruit(len(todo) + self._given(), greeting)
                self._hand_out(todo, work)
                for look in (self._ended, self._over_time):
                    for done in look(todo, work):
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
        self._tell_of_waiting(now)

    def _tell_of_waiting(self, now: float) -> None:
        """Warn, once, where no worker starts: machines may be on their way, or will never be."""
        if any(member.hello for member in self.crew.members.values()):
            self._alone_since = now
        elif self._alone_since is not None and now - self._alone_since > ALONE_SECONDS:
            self._alone_since = None
            need = self._settings.need()
            told = "is not free yet" if room(need) else "is not there yet:\n" + str(no_room(need))
            warnings.warn(f"for {ALONE_SECONDS:.0f} s there is no worker: what it takes {told}", stacklevel=2)

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
                self._heard(member, work)
            else:
                yield from self._answered(member, todo, work)

    def _heard(self, member: Member, work: Work) -> None:
        """A worker said hello, or died before."""
        errors = self._ray.exceptions
        try:
            member.hello = self._ray.get(member.greeting)
        except errors.RayTaskError as error:
            known = isinstance(error.cause, MultiverseError)
            raise (error.cause if known else ExecutorError(never_starts(said(error)))) from error
        except errors.RayError as error:
            self._dismiss(member, died=True)
            self._in_vain += loss(error).death is not Death.chance
            if self._in_vain >= STARTS_IN_VAIN:
                raise ExecutorError(never_starts(said(error))) from error
            return
        self._in_vain = 0
        place = getattr(getattr(work, "store", None), "describe", str)()
        check(member.hello, place, self._settings.memory_bytes)

    def _answered(self, member: Member, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """The first call of a worker has ended: well, or with the worker's death, or by a fault of the store."""
        errors = self._ray.exceptions
        call = member.calls[0]
        try:
            answer: Answer = self._ray.get(call.promise)
        except errors.RayTaskError as error:
            if not isinstance(error.cause, MemoryError):
                raise error.cause from error
            yield from self._died(member, Loss(Death.crash, "it ran out of memory"), todo, work)
            return
        except errors.RayError as error:
            yield from self._died(member, loss(error), todo, work)
            return
        if answer.overran:
            yield from self._died(member, Loss(Death.crash, answer.overran), todo, work)
            return
        member.ended()
        self.crew.count(member, len(call.task.keys))
        if call.answer is None:
            yield call.task.batch, answer.outcomes
        else:
            yield from self._follow(self._mending.part(call.task, call.answer, work), todo)

    def _died(self, member: Member, how: Loss, todo: Todo[Task], work: Work) -> Iterator[Done]:
        """A worker is lost: what it was at is tried again, split or given up; what waited for it goes back."""
        todo.forget(member.name)
        first, *others = self._dismiss(member, died=True)
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

    def _dismiss(self, member: Member, *, died: bool) -> list[Call]:
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(member.actor)
        return self.crew.leave(member, died=died)

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
            self._ray.wait(heads, num_returns=len(heads), timeout=GRACE)
        for member in busy:
            self._dismiss(member, died=False)

"""Workers are started where there is room and work, listened to, and let in, refused or let go.

A machine that cannot do the work ends a sweep that has not begun: then somebody is there who mends it. One that joins
a sweep under way is refused, told of and asked again later; the others go on.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from multiverse.errors import ExecutorError, MultiverseError
from multiverse.executors.ray_cluster.cluster import no_room, room
from multiverse.executors.ray_cluster.crew import Call, Crew, Member
from multiverse.executors.ray_cluster.hello import check
from multiverse.executors.ray_cluster.losses import Loss, by_chance, host_of, loss, never_starts, said
from multiverse.executors.ray_cluster.tasks import Death
from multiverse.executors.ray_cluster.worker import Worker

if TYPE_CHECKING:
    from multiverse.executors.ray_cluster.executor import Ray

GROW_SECONDS: Final = 5.0  # between looks for nodes that have joined; after a start that failed, before the next
STARTS_IN_VAIN: Final = 3  # in a row, before it is taken for the rule: a first may be a node that goes down
PAUSE_SECONDS: Final = 60.0  # after so many, before one worker is started to see whether things were mended
ALONE_SECONDS: Final = 60.0  # without any worker, before a person is told what is waited for


class Recruiting:
    """Hires and dismisses the workers of a crew. sources: of the person's own modules, for `Worker`."""

    def __init__(self, settings: Ray, crew: Crew, ray: Any, sources: Mapping[str, Any]) -> None:
        self._settings, self._crew, self._ray = settings, crew, ray
        self._actor = ray.remote(Worker).options(**settings.options())
        self._start = (ray.put(sources), settings.told())
        self._looked, self._room = -GROW_SECONDS, 1
        self._welcomed = False  # whether anybody was let in ever
        self._in_vain, self._not_before = 0, 0.0  # failed starts in a row; when the next may be
        self._alone_since: float | None = time.monotonic()  # None once somebody was told

    def recruit(self, tasks: int, greeting: Any) -> None:
        """Start workers for which there is room, and a task each."""
        now = time.monotonic()
        if now - self._looked >= GROW_SECONDS:
            self._looked = now
            with suppress(ExecutorError):  # the head is busy: asked again soon
                self._room = max(1, room(self._settings.need(), asked=1))
        wanted = min(self._settings.workers or self._room, tasks)
        while len(self._crew.members) < wanted and self._may_start(now):
            sent, told = self._start
            s = self._settings
            actor = self._actor.remote(sent, cpus=s.cpus, gpus=s.gpus, memory=s.memory_bytes, told=told)
            self._crew.join(actor, actor.hello.remote(greeting))
        self._tell_of_waiting(now)

    def heard(self, member: Member, place: str) -> None:
        """A worker said hello, or died before. place: of the store.

        Raises ExecutorError, or what its call raised, where it cannot do the work and nobody else could so far, and
        where several died in a row and nobody is at work.
        """
        errors = self._ray.exceptions
        try:
            hello = self._ray.get(member.greeting)
        except errors.RayTaskError as error:
            if by_chance(error, errors):
                self._died(member, Loss(Death.chance, said(error.cause)))
                return
            known = isinstance(error.cause, MultiverseError)
            what = error.cause if known else ExecutorError(never_starts(said(error)))
            self.refuse(member, what, host_of(error), host_of(error))
            return
        except errors.RayError as error:
            self._died(member, loss(error))
            return
        try:
            check(hello, place, self._settings.memory_bytes, accelerator=self._settings.gpus > 0)
        except ExecutorError as error:
            self.refuse(member, error, hello.node, hello.host)
            return
        member.hello, self._welcomed = hello, True
        if hello.node not in self._crew.refused:  # else it is believed when it has answered
            self._in_vain = 0

    def refuse(self, member: Member, error: MultiverseError, node: str, host: str) -> list[Call]:
        """A worker cannot do the work: it is let go, told of once a node; its calls. Raises it where nobody could."""
        if not self._welcomed:
            raise error
        calls = self.dismiss(member, died=False)
        self._wait(in_vain=True)
        if node not in self._crew.refused:
            self._crew.refused[node] = host
            warnings.warn(f"a worker on {host} is refused, the others go on: {error}", stacklevel=2)
        return calls

    def dismiss(self, member: Member, *, died: bool) -> list[Call]:
        """A worker is stopped, or dead already; its calls, the first of which it was at."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(member.actor)
        return self._crew.leave(member, died=died)

    def _may_start(self, now: float) -> bool:
        """Whether one more may be tried now; one at a time where several failed in a row."""
        if now < self._not_before:
            return False
        return self._in_vain < STARTS_IN_VAIN or all(member.hello for member in self._crew.members.values())

    def _died(self, member: Member, how: Loss) -> None:
        self.dismiss(member, died=True)
        self._wait(in_vain=how.death is not Death.chance)
        if self._in_vain >= STARTS_IN_VAIN and not any(member.hello for member in self._crew.members.values()):
            raise ExecutorError(never_starts(how.said))

    def _wait(self, *, in_vain: bool) -> None:
        """A start has failed: nothing is started for a while. in_vain: it was not by chance."""
        self._in_vain += in_vain
        pause = PAUSE_SECONDS if self._in_vain >= STARTS_IN_VAIN else GROW_SECONDS
        self._not_before = time.monotonic() + pause

    def _tell_of_waiting(self, now: float) -> None:
        """Warn, once, where no worker starts: machines may be on their way, or will never be."""
        if any(member.hello for member in self._crew.members.values()):
            self._alone_since = now
        elif self._alone_since is not None and now - self._alone_since > ALONE_SECONDS:
            need = self._settings.need()
            try:
                told = "is not free yet" if room(need, asked=1) else "is not there yet:\n" + str(no_room(need))
            except ExecutorError:  # the head is busy: asked again soon
                return
            self._alone_since = None
            warnings.warn(f"for {ALONE_SECONDS:.0f} s there is no worker: what it takes {told}", stacklevel=2)

"""Batches that wait for a worker: in order, except that a worker prefers programs it has compiled."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from multiverse.planning.program import Program

WINDOW = 8  # batches a worker may look ahead for a program it has compiled: beyond, order is an honest sample


class OfProgram(Protocol):
    """Whatever waits: it belongs to a program."""

    @property
    def program(self) -> Program:
        """The program."""
        ...


Item = TypeVar("Item", bound=OfProgram)


class Todo(Generic[Item]):
    """Batches in order, except that a worker prefers, within a short window, a program it has compiled.

    A worker is whatever compiles by itself: a device of this process, or another process. Threads may share this.
    """

    def __init__(self, batches: Sequence[Item]):
        self._waiting = deque(batches)
        self._known: dict[str, set[str]] = {}
        self._knowing: Counter[str] = Counter()  # how many workers have compiled a program
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, worker: str) -> Item | None:
        """The next batch of a worker; None where none waits."""
        with self._lock:
            if not self._waiting:
                return None
            known = self._known.setdefault(worker, set())
            at = 0
            if len(self._known) > 1:  # one worker: the order stands
                window = [self._waiting[i].program.id for i in range(min(WINDOW, len(self._waiting)))]
                fresh = (i for i, program in enumerate(window) if program in known or not self._knowing[program])
                at = next(fresh, 0)
            batch = self._waiting[at]
            del self._waiting[at]
            if batch.program.id not in known:
                known.add(batch.program.id)
                self._knowing[batch.program.id] += 1
            return batch

    def put_back(self, batches: Iterable[Item]) -> None:
        """Batches that were taken and not done: they are the next ones, in this order."""
        with self._lock:
            self._waiting.extendleft(reversed(list(batches)))

    def forget(self, worker: str) -> None:
        """A worker is gone, and what it had compiled with it."""
        with self._lock:
            self._knowing.subtract(self._known.pop(worker, ()))

    def stop(self) -> None:
        """Nothing is to be done any more."""
        with self._lock:
            self._waiting.clear()

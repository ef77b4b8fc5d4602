"""The executor contract: where engines run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome, Reason
from multiverse.planning.machines import Machines
from multiverse.progress import Progress


class Work(Protocol):
    """What is done with a batch: a call fits it and publishes it as one part, whole or not at all.

    It never raises for a universe's sake; what it does raise is a fault of the store or the machine. The other methods
    are for executors whose workers may die: the universes of a batch can be fitted apart and published together.
    """

    def __call__(self, batch: Batch) -> tuple[Outcome, ...]:
        """Fit a batch and publish it; its outcomes without draws."""
        ...

    def fit(self, batch: Batch) -> tuple[Outcome, ...]:
        """The outcomes of a batch, or of a part of its universes, with their draws; nothing is published."""
        ...

    def publish(self, batch: Batch, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """Publish all outcomes of a batch, in the order of its keys; the same without draws."""
        ...

    def lost(self, batch: Batch, reason: Reason, message: str) -> tuple[Outcome, ...]:
        """The outcomes of universes that cannot be fitted: whatever process fits them dies, or never ends."""
        ...

    def landmarks(self) -> frozenset[str]:
        """Names that every process sees which reaches the place where this publishes."""
        ...

    def of(self, batch: Batch) -> Work:
        """The same for one batch alone: small enough to send with it."""
        ...


class Executor(Protocol):
    """Runs work on batches and yields each with its light outcomes as it finishes, in any order.

    Inherit it, and write `map`; the other methods are right for what runs in this process.
    """

    @property
    def in_process(self) -> bool:
        """Whether work is done in this process; else the store must be a place that other processes reach."""
        return True

    def start(self, progress: Progress) -> None:
        """Find and start machines, where that takes its time."""
        return None

    @property
    def machines(self) -> Machines:
        """Where it runs."""
        return Machines()

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        """Run `work` on every batch. What `work` raises comes out; when the caller stops asking, no batch is begun."""
        ...

    def note(self) -> str:
        """What a person who waits should know, such as the rate of each machine; may be empty."""
        return ""

    def close(self) -> None:
        """Let go of what is held between calls of `map`, such as worker processes."""
        return None

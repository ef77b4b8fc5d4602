"""The executor contract: where engines run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome

Work = Callable[[Batch], tuple[Outcome, ...]]


class Executor(Protocol):
    """Runs work on batches and yields each with its light outcomes as it finishes, in any order.

    `work` turns a batch into outcomes, publishes them, and never raises for a universe's sake; what it does raise is
    a fault of the store or the machine, and `map` lets it through.
    """

    @property
    def workers(self) -> int:
        """How many batches run side by side."""
        ...

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        """Run `work` on every batch."""
        ...

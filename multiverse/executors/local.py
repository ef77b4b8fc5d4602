"""The executor of this process: a thread for every core, or for every accelerator.

XLA leaves Python's lock while it runs, and a thread that calls a compiled program on the CPU runs it itself: threads on
one CPU device use all cores and share one compilation. (Several CPU devices would compile every program once each.)
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from multiverse.blas import one_blas_thread
from multiverse.cores import cores
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError, Problem
from multiverse.executors.executor import Executor, Work
from multiverse.executors.todo import Todo
from multiverse.planning.machines import Machines

# Seconds that batches under way get to end when the caller stops. A thread that comes back from XLA to an interpreter
# that is shutting down aborts it, so most should be back; a long block is lost, and Ctrl-C shall not wait for it.
GRACE = 2.0


@dataclass(frozen=True)
class Local(Executor):
    """Runs batches in threads of this process; `threads` in all, by default one a core or accelerator.

    Raises PlanError for fewer than one thread.
    """

    threads: int | None = None

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise PlanError(
                Problem(
                    f"the local executor has threads={self.threads}.",
                    "at least one thread, or None for one a core or accelerator",
                    "Local(threads=1)",
                )
            )

    @property
    def machines(self) -> Machines:
        """The cores or accelerators of this process."""
        return Machines(workers=self.threads or len(_places()))

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        """Run `work` on every batch; stops handing out batches when the caller stops asking."""
        places = _places()
        todo = Todo(batches)
        done: queue.Queue[tuple[Batch, tuple[Outcome, ...]] | BaseException] = queue.Queue()

        def worker(device: Any) -> None:
            import jax

            with jax.default_device(device):
                while (batch := todo.take(str(device))) is not None:
                    try:
                        done.put((batch, work(batch)))
                    except BaseException as error:  # the caller's thread must hear of it
                        done.put(error)
                        return

        # Daemons: Ctrl-C must not wait for a block of universes that is lost anyway.
        threads = [
            threading.Thread(target=worker, args=(places[i % len(places)],), daemon=True, name=f"multiverse-{i}")
            for i in range(min(self.machines.workers, len(batches)))
        ]
        with one_blas_thread():  # these threads share it, so none of them may give it back to the others
            for thread in threads:
                thread.start()
            try:
                for _ in batches:
                    item = done.get()
                    if isinstance(item, BaseException):
                        raise item
                    yield item
            finally:
                todo.stop()
                patience = time.monotonic() + GRACE
                for thread in threads:
                    thread.join(max(0.0, patience - time.monotonic()))


def _places() -> list[Any]:
    """The device of each worker: every accelerator once, or the CPU devices in turn, once a core."""
    import jax

    devices = jax.local_devices()
    if devices[0].platform != "cpu":
        return list(devices)
    count = max(cores(), len(devices))
    return [devices[i % len(devices)] for i in range(count)]

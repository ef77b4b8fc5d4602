"""A worker: a process on some node that fits batches, and remembers the programs that it has compiled."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from multiverse.errors import ExecutorError, Problem
from multiverse.executors.ray_cluster.memory import memory_taken

if TYPE_CHECKING:
    from multiverse.engines.outcome import Outcome
    from multiverse.executors.ray_cluster.hello import Hello
    from multiverse.executors.ray_cluster.sending import Message
    from multiverse.own_modules import Source

HELD: Final = 1024  # objects that batches share, kept by a worker: programs, data sets
LOOK_SECONDS: Final = 0.05  # between looks at its memory
POOL: Final = "NPROC"  # the environment variable that sets the size of XLA's pool of threads
POOL_BEYOND: Final = 1  # threads beside one a core: with one alone, XLA's linear algebra waits for itself for ever


class Answer(NamedTuple):
    """What a call gave: outcomes, or why the process has to be given up. seconds: that it took."""

    outcomes: tuple[Outcome, ...]
    seconds: float
    overran: str = ""


class Worker:
    """What runs as a Ray actor. cpus: for threads. gpus: a share of one or several. memory: bytes it may take."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        cpus: float,
        gpus: float,
        memory: int | None,
        cache: str | None,
        x64: bool,
    ):
        # Before JAX is loaded: it reads these once.
        os.environ.setdefault(POOL, str(max(1, int(cpus)) + POOL_BEYOND))
        if cache is not None:
            os.environ["MULTIVERSE_CACHE"] = cache
        if gpus:
            os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.9 * min(gpus, 1.0):.3f}")
        else:
            os.environ.setdefault("JAX_PLATFORMS", "cpu")
        from multiverse.cores import allow
        from multiverse.engines.compiled import use_cache
        from multiverse.own_modules import install

        allow(max(1, int(cpus)))
        install(sources)
        use_cache()
        if x64:
            import jax

            cast(Any, jax.config).update("jax_enable_x64", True)
        self._memory = memory
        self._held: OrderedDict[str, Any] = OrderedDict()

    def hello(self, message: Message) -> Hello:
        """Who this is, and whether it sees what work publishes."""
        from multiverse.executors.ray_cluster.hello import hello

        return hello(self._load(message))

    def run(self, message: Message) -> Answer:
        """Fit a batch and publish it."""
        work, batch = self._load(message)
        return self._watched(lambda: work(batch))

    def fit(self, message: Message) -> tuple[Answer, Answer]:
        """Fit some universes of a batch; publish nothing. How it went, and, apart as it is large, what came out."""
        work, batch = self._load(message)
        answer = self._watched(lambda: work.fit(batch))
        return answer._replace(outcomes=()), answer

    def _watched(self, do: Any) -> Answer:
        began = time.perf_counter()
        if self._memory is None:
            return Answer(_raising_what_travels(do), time.perf_counter() - began)
        found: list[Any] = []

        def work() -> None:
            try:
                found.append(_raising_what_travels(do))
            except BaseException as error:
                found.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(LOOK_SECONDS)
            if thread.is_alive() and (taken := memory_taken()) > self._memory:
                said = (
                    f"its process took {taken / 2**30:.2f} GiB of memory; the limit is {self._memory / 2**30:.2f} GiB"
                )
                return Answer((), time.perf_counter() - began, said)
        if isinstance(found[0], BaseException):
            raise found[0]
        return Answer(found[0], time.perf_counter() - began)

    def _load(self, message: Message) -> Any:
        import ray

        from multiverse.executors.ray_cluster.sending import opened, unpacked

        missing = {name: ref for name, ref in message.shared.items() if name not in self._held}
        with _explained():
            self._held |= dict(zip(missing, map(opened, ray.get(list(missing.values()))), strict=True))
            held = {name: self._held[name] for name in message.shared}
            for name in message.shared:
                self._held.move_to_end(name)
            while len(self._held) > max(HELD, len(message.shared)):
                self._held.popitem(last=False)
            return unpacked(message.payload, held)


def _raising_what_travels(do: Any) -> Any:
    """What a call gives. An error that cannot be made again from its pickle is raised as its text."""
    import pickle

    from multiverse.executors.ray_cluster.cluster import imported

    try:
        return do()
    except Exception as error:
        try:
            pickle.loads(imported().cloudpickle.dumps(error))
        except Exception:
            raise RuntimeError(f"{type(error).__name__}: {error}") from None
        raise


@contextmanager
def _explained() -> Iterator[None]:
    """What the study imports and this machine does not have is named."""
    try:
        yield
    except ImportError as error:
        host = socket.gethostname()
        name = (error.name or str(error)).partition(".")[0]
        raise ExecutorError(
            Problem(
                f"the study cannot be loaded on the node {host}: {error}",
                "the packages that the study imports, on every node",
                f"on {host}: pip install {name}, or use one container image for all",
            )
        ) from error

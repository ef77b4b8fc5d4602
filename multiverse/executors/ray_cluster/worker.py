"""A worker: a process on some node that fits batches, and remembers the programs that it has compiled."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from multiverse.errors import ExecutorError, Problem
from multiverse.executors.ray_cluster.held import Held
from multiverse.executors.ray_cluster.memory import memory_taken

if TYPE_CHECKING:
    from multiverse.engines.outcome import Outcome
    from multiverse.executors.ray_cluster.hello import Hello
    from multiverse.executors.ray_cluster.sending import Message
    from multiverse.own_modules import Source

LOAD_SECONDS: Final = 600.0  # to fetch what batches share: gigabytes over a slow network, or from a node that is lost
LOOK_SECONDS: Final = 0.05  # between looks at its memory
POOL: Final = "NPROC"  # the environment variable that sets the size of XLA's pool of threads
POOL_BEYOND: Final = 1  # threads beside one a core: with one alone, XLA's linear algebra waits for itself for ever
JAX_SETTINGS: Final = (  # that decide the draws, and may be set from Python
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
    "jax_numpy_dtype_promotion",
)


class Told(NamedTuple):
    """What the driver tells its workers. cache: the folder of compiled programs, None for theirs. jax: its settings."""

    cache: str | None
    jax: Mapping[str, Any]


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
        told: Told,
    ):
        # Before JAX is loaded: it reads these once.
        os.environ[POOL] = str(max(1, int(cpus)) + POOL_BEYOND)
        if told.cache is not None:
            os.environ["MULTIVERSE_CACHE"] = told.cache
        if gpus:
            os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.9 * min(gpus, 1.0):.3f}")
        else:
            os.environ["JAX_PLATFORMS"] = "cpu"
        from multiverse.cores import allow
        from multiverse.engines.compiled import use_cache
        from multiverse.own_modules import install

        allow(max(1, int(cpus)))
        install(sources)
        use_cache()
        import jax

        for name, value in told.jax.items():
            cast(Any, jax.config).update(name, value)
        self._memory = memory
        self._held = Held(memory)

    def hello(self, message: Message) -> Hello:
        """Who this is, and whether it sees what work publishes."""
        from multiverse.executors.ray_cluster.hello import hello

        return hello(self._load(message))

    def run(self, message: Message) -> Answer:
        """Fit a batch and publish it."""
        work, batch = self._load(message)
        if self._memory is None:
            return self._watched(lambda: work(batch))
        # Published after it was watched: a batch that was given up shall not be published by the thread it left behind.
        began = time.perf_counter()
        answer = self._watched(lambda: work.fit(batch))
        if answer.overran:
            return answer
        light = _raising_what_travels(lambda: work.publish(batch, answer.outcomes))
        return Answer(light, time.perf_counter() - began)

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
        from multiverse.executors.ray_cluster.sending import unpacked

        with _explained():
            return unpacked(message.payload, self._held.of(message.shared, _fetched))


def _fetched(refs: Sequence[Any]) -> list[Any]:
    """What was put into the object store."""
    import ray

    from multiverse.executors.ray_cluster.sending import opened

    try:
        return [opened(sent) for sent in ray.get(list(refs), timeout=LOAD_SECONDS)]
    except ray.exceptions.GetTimeoutError as error:
        host = socket.gethostname()
        raise ExecutorError(
            Problem(
                f"the node {host} did not get the data of the study within {LOAD_SECONDS:.0f} s.",
                "a network on which every node reaches the one that gives the command",
                f"see whether {host} reaches it on all ports, then give the same command again: it goes on",
            )
        ) from error


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

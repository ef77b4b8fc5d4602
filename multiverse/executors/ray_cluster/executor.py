"""The executor of a Ray cluster: one worker a core, or a share of an accelerator, on all its nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multiverse.engines.compiled import CACHE_VARIABLE
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import ExecutorError, PlanError
from multiverse.executors.executor import Executor, Work
from multiverse.executors.ray_cluster.cluster import connect, no_room, room
from multiverse.executors.ray_cluster.settings import size_of, wrong_settings
from multiverse.executors.ray_cluster.worker import JAX_SETTINGS, Told
from multiverse.planning.machines import Machines
from multiverse.progress import Progress


@dataclass(frozen=True)
class Ray(Executor):
    """Runs batches on a Ray cluster. A worker fits one batch at a time, and remembers what it has compiled.

    address: of the cluster's head, as "host:6379"; "auto" for the cluster that this machine is part of; None for that
    of the variable RAY_ADDRESS, or else for one of this machine alone, which is started. workers: how many, at most;
    None for as many as there is room for, also on nodes that join later. cpus, gpus, resources: what each worker
    is given; gpus may be a share, as in 0.25. memory: what a worker may take, in bytes or as "4GB": one that takes more
    is stopped, and its universe is red. batch_seconds: how long a batch should take, as far as can be told before; a
    worker that is lost loses one. patience: seconds beyond the time limits of its universes after which a batch counts
    as standing still (compiling is not in the limits). cache: the folder of compiled programs on the nodes, where it is
    not what `MULTIVERSE_CACHE` says here, or else the usual one there.

    Raises PlanError, for all settings at once.
    """

    address: str | None = None
    workers: int | None = None
    cpus: float = 1
    gpus: float = 0
    resources: Mapping[str, float] = field(default_factory=dict)
    memory: int | str | None = None
    batch_seconds: float | None = 20.0
    patience: float = 300.0
    cache: str | None = None
    _sessions: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if problems := list(wrong_settings(self)):
            raise PlanError(problems)

    @property
    def memory_bytes(self) -> int | None:
        """What a worker may take, in bytes; None for no limit."""
        return size_of(self.memory)

    @property
    def in_process(self) -> bool:
        """Workers are processes of their own, perhaps on other machines."""
        return False

    def start(self, progress: Progress) -> None:
        """Join the cluster, or start one, which takes some seconds. Raises ExecutorError where it is not reached."""
        with progress("joining the Ray cluster", 1, "clusters") as advance:
            connect(self.address)
            advance()

    @property
    def machines(self) -> Machines:
        """The cluster, which is joined or started when this is first asked.

        Raises ExecutorError where it is not reached, and where no node is large enough and `workers` does not say that
        some will be.
        """
        connect(self.address)
        if not (workers := self.workers or room(self.need())):
            raise ExecutorError(no_room(self.need()))
        return Machines(workers, "gpu" if self.gpus else "cpu", self.batch_seconds)

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        """Run `work` on every batch. What kills its worker is split until the universe that kills is alone.

        Raises ExecutorError where nodes have other versions or do not see the store, and PlanError for a study that
        cannot be sent.
        """
        yield from self._session().map(work, batches)

    def note(self) -> str:
        """Universes a second of each node, and how many workers were lost."""
        return str(self._sessions[0].crew.note()) if self._sessions else ""

    def close(self) -> None:
        """Let the workers go. The cluster stays, also one that was started here, until this process ends."""
        while self._sessions:
            self._sessions.pop().close()

    def need(self) -> dict[str, float]:
        """What a worker takes, by Ray's names of resources."""
        memory = float(self.memory_bytes or 0)
        need = {"CPU": float(self.cpus), "GPU": float(self.gpus), "memory": memory, **self.resources}
        return {name: amount for name, amount in need.items() if amount > 0}

    def options(self) -> dict[str, Any]:
        """The options of Ray for a worker. Ray never restarts it: who replaces it wants to know what it died of."""
        options: dict[str, Any] = {
            "num_cpus": self.cpus,
            "num_gpus": self.gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": "SPREAD",
        }
        options |= {"resources": dict(self.resources)} if self.resources else {}
        return options | ({"memory": self.memory_bytes} if self.memory_bytes else {})

    def told(self) -> Told:
        """What a worker is told: the folder of compiled programs, and how JAX computes here."""
        import jax

        cache = self.cache if self.cache is not None else os.environ.get(CACHE_VARIABLE)
        return Told(cache, {name: getattr(jax.config, name) for name in JAX_SETTINGS if hasattr(jax.config, name)})

    def _session(self) -> Any:
        from multiverse.executors.ray_cluster.session import Session

        if not self._sessions:
            connect(self.address)
            self._sessions.append(Session(self))
        return self._sessions[0]

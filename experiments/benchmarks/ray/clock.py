"""Where a run's time goes: phases by their progress, the sweep apart from starts and compiling, CPU, memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import multiverse as mv
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.executors.executor import Executor, Work
from multiverse.planning.machines import Machines

TICKS = os.sysconf("SC_CLK_TCK")
Done = tuple[Batch, tuple[Outcome, ...]]


@dataclass
class Phases:
    """A progress that shows nothing and remembers how long each phase took, by title."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, title: str, total: int, unit: str) -> Iterator[Any]:
        began = time.perf_counter()
        try:
            yield lambda count=1, *, more=0, note="": None
        finally:
            self.seconds[title] = self.seconds.get(title, 0.0) + time.perf_counter() - began


@dataclass(frozen=True)
class Rehearsal:
    """Work that fits a batch and throws it away; a file with the number of its process says that it has compiled."""

    work: Work
    folder: str

    def __call__(self, batch: Batch) -> tuple[Outcome, ...]:
        outcomes = self.work.fit(batch)
        Path(self.folder, str(os.getpid())).touch()
        return tuple(outcome.light() for outcome in outcomes)

    def fit(self, batch: Batch) -> tuple[Outcome, ...]:
        return self.work.fit(batch)

    def publish(self, batch: Batch, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        return tuple(outcomes)

    def lost(self, batch: Batch, reason: Any, message: str) -> tuple[Outcome, ...]:
        return self.work.lost(batch, reason, message)

    def landmarks(self) -> frozenset[str]:
        return self.work.landmarks()

    def of(self, batch: Batch) -> Rehearsal:
        return Rehearsal(self.work.of(batch), self.folder)


@dataclass(frozen=True)
class Rehearsed(Executor):
    """An executor whose workers have started, and compiled every program, before the clock of the sweep begins.

    told: seconds and CPU seconds of the start, the rehearsal and the sweep, when it is over.
    """

    inner: Executor
    processes: int
    told: dict[str, float] = field(default_factory=dict)

    @property
    def machines(self) -> Machines:
        began = time.perf_counter()
        machines = self.inner.machines
        self.told.setdefault("start", time.perf_counter() - began)
        return machines

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[Done]:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            first = list({batch.program.id: batch for batch in batches}.values())
            small = [batch_of(batch, 64) for batch in first for _ in range(2 * self.processes)]
            while batches and len(os.listdir(folder)) < self.processes:
                for _ in self.inner.map(Rehearsal(work, folder), small):
                    pass
        swept, cpu = time.perf_counter(), cpu_seconds()
        self.told["rehearsal"] = swept - began
        universes = 0
        for done in self.inner.map(work, batches):
            universes += len(done[0])
            yield done
        after = cpu_seconds()
        self.told.update({"sweep": time.perf_counter() - swept, "universes": universes, "batches": len(batches)})
        self.told.update({f"cpu of {who}": after[who] - cpu.get(who, 0.0) for who in after})

    def close(self) -> None:
        self.inner.close()


def batch_of(batch: Batch, count: int) -> Batch:
    """The first universes of a batch."""
    return replace(batch, keys=batch.keys[:count])


def cpu_seconds() -> Mapping[str, float]:
    """CPU seconds so far of this process, of workers that it has started, and of Ray's own processes."""
    stats: dict[int, tuple[int, str, float]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                name = (folder / "cmdline").read_text()
                stats[int(folder.name)] = (int(words[1]), name, (int(words[11]) + int(words[12])) / TICKS)
    mine = os.getpid()
    found = {"driver": stats[mine][2], "workers": 0.0, "Ray": 0.0}
    for process, (parent, name, seconds) in stats.items():
        above = parent
        while above in stats and above not in (mine, 1):
            above = stats[above][0]
        if above == mine and process != mine:
            found["workers" if name.startswith("ray::") or "loky" in name else "Ray"] += seconds
    return found


def memory_mb() -> tuple[float, float]:
    """This process's memory: now, and the most so far, in MB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def rows_of(results: mv.Results) -> int:
    """How many universes are answered and green."""
    return int(results.status()["green"])

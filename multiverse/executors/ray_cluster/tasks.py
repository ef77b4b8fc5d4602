"""What is done with universes whose process died: tried again, split, and given up where one is alone to blame.

A process may die for a universe's sake, or because somebody killed it. Nobody can tell from outside, so a batch is
tried again; then its halves are fitted apart, and so on until the universe that kills is alone, and kills again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Reason
from multiverse.planning.program import Program

DEATHS_TOGETHER: Final = 2  # of its process, before a batch is split: one death may be chance, as a killed node is
DEATHS_ALONE: Final = 3  # before a universe is given up: three chances in a row are rarer than a universe that kills
CHANCES: Final = 5  # nodes that a task may lose: a sixth is a crash of it, as of a universe that takes its node along


class Death(Enum):
    """How a process was lost, by what follows from it."""

    crash = "crash"  # killed, or crashed in compiled code, or out of memory
    hang = "hang"  # killed by us, as it was over its time
    chance = "chance"  # its node was lost: no universe is to blame


@dataclass(frozen=True)
class Task:
    """Universes of a batch that are fitted by one call. deaths: processes that died of it. chances: nodes it lost."""

    batch: Batch
    keys: tuple[str, ...]
    deaths: int = 0
    chances: int = 0

    @property
    def program(self) -> Program:
        """Their program."""
        return self.batch.program

    @property
    def part(self) -> Batch:
        """Their part of the batch, which is fitted but not published."""
        return replace(self.batch, keys=self.keys)


@dataclass(frozen=True)
class GivenUp:
    """Universes that nobody will fit, and why."""

    task: Task
    reason: Reason
    message: str


def after_death(task: Task, death: Death, said: str) -> Sequence[Task] | GivenUp:
    """What follows: tasks that take its place, or its universe is given up. said: how the process was lost."""
    if death is Death.chance and task.chances < CHANCES:
        return [replace(task, chances=task.chances + 1)]
    if death is Death.hang:
        # Waiting for a hang takes longer than anything else: it is waited for once together, and once alone.
        if len(task.keys) == 1:
            return GivenUp(task, Reason.time, said)
        return _apart(task, 1)
    tried = replace(task, deaths=task.deaths + 1, chances=task.chances + (death is Death.chance))
    if len(task.keys) > 1:
        return [tried] if tried.deaths < DEATHS_TOGETHER else _apart(task, (len(task.keys) + 1) // 2)
    if tried.deaths < DEATHS_ALONE:
        return [tried]
    return GivenUp(tried, Reason.crash, f"{_seen(tried)}, one after the other: {said}")


def _seen(task: Task) -> str:
    """What was seen of a universe that is alone. Nodes beyond `CHANCES` count as deaths, and are told as nodes."""
    died = task.deaths - max(0, task.chances - CHANCES)
    processes = f"{died} {'process' if died == 1 else 'processes'} died of it" if died else ""
    nodes = f"{task.chances} {'node was' if task.chances == 1 else 'nodes were'} lost with it" if task.chances else ""
    return " and ".join(filter(None, [processes, nodes]))


def _apart(task: Task, size: int) -> list[Task]:
    """Tasks of so many of its universes each, which nothing is held against yet."""
    return [Task(task.batch, task.keys[at : at + size]) for at in range(0, len(task.keys), size)]

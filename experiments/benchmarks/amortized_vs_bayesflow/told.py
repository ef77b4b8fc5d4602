"""What a side tells of itself, as lines of JSON on stdout, and the clock it is timed with."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """The network after so many steps; good, ess, ess_low: as `Quality` has them.

    pairs: what was answered: "held out", or "real" for the data of 1981. simulations: distinct ones. wall, cpu: seconds
    since imports ended for simulating, building, compiling and training; checks are not in them.
    """

    side: str
    pairs: str
    steps: int
    simulations: int
    wall: float
    cpu: float
    good: float
    ess: float
    ess_low: float


@dataclass(frozen=True)
class Speed:
    """Draws a second of wall and of CPU time, once compiled, of 200 universes with 1,000 each.

    what: what is made of them in that time.
    """

    side: str
    what: str
    wall: float
    cpu: float


def tell(told: Check | Speed) -> None:
    """Print it for `compare.py`."""
    print(json.dumps(asdict(told)), flush=True)


def heard(line: str) -> Check | Speed:
    """The way back from `tell`."""
    found = json.loads(line)
    return Check(**found) if "good" in found else Speed(**found)


@dataclass
class Stopwatch:
    """Adds up the wall and CPU seconds spent inside `with watch.on():`."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def on(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), cpu_seconds()
        try:
            yield
        finally:
            self.wall += time.perf_counter() - wall
            self.cpu += cpu_seconds() - cpu


def speed(side: str, what: str, draws: int, work: Callable[[], Any], times: int = 5) -> Speed:
    """Of `work`, which makes so many draws and waits for them; once before it is timed, so that it is compiled."""
    work()
    watch = Stopwatch()
    with watch.on():
        for _ in range(times):
            work()
    return Speed(side, what, times * draws / watch.wall, times * draws / watch.cpu)


def cpu_seconds() -> float:
    """User and system time of this process and its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

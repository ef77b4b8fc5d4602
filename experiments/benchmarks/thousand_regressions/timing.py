"""What one side reports of itself: one line of JSON on stdout."""

from __future__ import annotations

import json
import resource
from dataclasses import asdict, dataclass

UNIVERSES = 1000


@dataclass(frozen=True)
class Timing:
    """Times of one side in one process.

    side: its name. universes: how many were really run. fixed_seconds: imports, planning, tracing, compiling and the
    like, paid once. each_seconds: mean wall time of a universe. fixed_cpu, each_cpu: the same in seconds of CPU. ess:
    the smallest bulk ESS of the four slopes, mean over universes. note: what else there is to know.
    """

    side: str
    universes: int
    fixed_seconds: float
    each_seconds: float
    fixed_cpu: float
    each_cpu: float
    ess: float
    note: str = ""

    @property
    def seconds(self) -> float:
        """Wall time of 1,000 universes: measured, or extrapolated where fewer were run."""
        return self.fixed_seconds + self.each_seconds * UNIVERSES

    @property
    def cpu(self) -> float:
        """CPU time of 1,000 universes: what stays the same when the machine is shared."""
        return self.fixed_cpu + self.each_cpu * UNIVERSES

    @property
    def seconds_per_thousand_ess(self) -> float:
        """Wall time for 1,000 effective draws of the worst slope, from a run of 1,000 universes."""
        return self.seconds / (self.ess * UNIVERSES) * 1000

    def tell(self) -> None:
        """Print it for `compare.py`."""
        print(json.dumps(asdict(self)), flush=True)


def cpu_seconds() -> float:
    """User and system time of this process and its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def heard(line: str) -> Timing:
    """The way back from `tell`."""
    return Timing(**json.loads(line))

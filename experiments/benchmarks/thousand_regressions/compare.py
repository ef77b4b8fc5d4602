"""Run all sides in turn, each in a process of its own, and print the tables of the README.

python compare.py [--repeats 2] [--peer-python PYTHON] [--loop 5] [--nutpie 30] [--save FILE]

Cold: every cache of compiled code is an empty folder. Warm: the same command once more, with the cache that the cold
one filled. The loop has no cache: it compiles each universe anew. Sides alternate, so that a busy hour hits all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import NamedTuple

from timing import UNIVERSES, Timing, heard

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


class Way(NamedTuple):
    """One side, cold or warm; the loop is neither."""

    side: str
    start: str


Measured = dict[Way, list[Timing]]


def one_round(python: str, peer_python: str, loop: int, nutpie: int) -> Measured:
    """Each side once, cold before warm."""
    found: Measured = {}
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as peers:
        caches = {"MULTIVERSE_CACHE": ours, "PYTENSOR_FLAGS": f"base_compiledir={peers}", "NUMBA_CACHE_DIR": peers}
        for start in ("cold", "warm"):
            for command in ([python, "ours.py"], [peer_python, "nutpie_peer.py", "--count", str(nutpie)]):
                for timing in _run(command, caches):
                    found.setdefault(Way(timing.side, start), []).append(timing)
    for timing in _run([python, "numpyro_loop.py", "--count", str(loop)], {}):
        found.setdefault(Way(timing.side, ""), []).append(timing)
    return found


def _run(command: Sequence[str], environment: Mapping[str, str]) -> list[Timing]:
    print("running", " ".join(command[1:]), file=sys.stderr, flush=True)
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    said = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [heard(line) for line in said.stdout.splitlines() if line.startswith("{")]


def times_table(measured: Measured) -> str:
    """Seconds of each side: the median over repeats, and the extremes."""
    lines = [
        "| side | start | universes timed | wall s for 1,000 = ms for one | CPU s | bulk ESS | s per 1,000 ESS |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for way, timings in measured.items():
        cells = [
            way.side,
            way.start or "always compiles",
            f"{timings[0].universes}" + ("" if timings[0].universes == UNIVERSES else ", extrapolated"),
            _spread([t.seconds for t in timings]),
            _spread([t.cpu for t in timings]),
            f"{median(t.ess for t in timings):.0f}",
            _spread([t.seconds_per_thousand_ess for t in timings], 3),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ratios_table(measured: Measured) -> str:
    """How many times as much each peer takes as we do, round by round."""
    lines = [
        "| against | start | wall time | at equal ESS | CPU time |",
        "| --- | --- | --- | --- | --- |",
    ]
    for start in ("cold", "warm"):
        ours = measured[Way("multiverse", start)]
        for way, theirs in measured.items():
            if way.side == "multiverse" or way.start not in (start, ""):
                continue
            pairs = list(zip(theirs, ours, strict=True))
            cells = [
                way.side,
                start,
                _times([t.seconds / o.seconds for t, o in pairs]),
                _times([t.seconds_per_thousand_ess / o.seconds_per_thousand_ess for t, o in pairs]),
                _times([t.cpu / o.cpu for t, o in pairs]),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: Sequence[float], digits: int = 0) -> str:
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _times(values: Sequence[float]) -> str:
    digits = 0 if min(values) > 20 else 1
    return f"{median(values):.{digits}f}× ({min(values):.{digits}f} to {max(values):.{digits}f})"


def joined(rounds: Iterable[Measured]) -> Measured:
    """The rounds side by side."""
    whole: Measured = {}
    for found in rounds:
        for way, timings in found.items():
            whole.setdefault(way, []).extend(timings)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--peer-python", default=sys.executable, help="a Python that has nutpie and PyMC")
    parser.add_argument("--loop", type=int, default=5, help="universes of the loop that are timed")
    parser.add_argument("--nutpie", type=int, default=30, help="universes of nutpie that are timed")
    parser.add_argument("--save", type=Path, help="a file for everything measured, as JSON")
    given = parser.parse_args()
    rounds: list[Measured] = []
    for _ in range(given.repeats):
        rounds.append(one_round(sys.executable, given.peer_python, given.loop, given.nutpie))
        if given.save:
            whole = joined(rounds).items()
            rows = [{"start": way.start, **asdict(timing)} for way, timings in whole for timing in timings]
            given.save.write_text(json.dumps(rows, indent=1) + "\n")
    measured = joined(rounds)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, load {load}")
    print(f"median (least to most) of {given.repeats} rounds\n")
    print(times_table(measured), ratios_table(measured), sep="\n\n")
    for timing in measured[Way("multiverse", "cold")] + measured[Way("multiverse", "warm")]:
        print(f"\nmultiverse: {timing.note}", end="")
    print()


if __name__ == "__main__":
    main()

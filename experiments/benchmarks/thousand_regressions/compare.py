"""Run all sides in turn, each in a process of its own, and print the tables of the README.

python compare.py [--repeats 1] [--peer-python PYTHON] [--loop 5] [--nutpie 30] [--engines nuts laplace] [--save FILE]

Cold: every cache of compiled code is an empty folder. Warm: the same command once more, in a new process, with the
cache that the cold one filled. Compiled: the same once more in that process, so that nothing is imported or compiled;
of nutpie, sampling alone. The loop has no cache: it compiles each universe anew. Sides alternate, so that a busy hour
hits all. A round takes some seven minutes, most of it for NUTS and the peers.
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
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

from timing import UNIVERSES, Timing, heard

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


ENGINES = ("nuts", "laplace", "reweight", "auto")
SCALED = ("laplace", "reweight")  # those whose cost of 1,000 universes stands beside that of 10
STARTS = ("cold", "warm", "compiled")
OURS = "multiverse, "  # how the sides of ours begin


class Way(NamedTuple):
    """One side and how it started, as the text above has it; the loop has no start."""

    side: str
    start: str


Measured = dict[Way, list[Timing]]


def one_round(python: str, peer_python: str, loop: int, nutpie: int, engines: Sequence[str]) -> Measured:
    """Each side once, cold before warm before compiled."""
    found: Measured = {}
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as peers:
        caches = {"PYTENSOR_FLAGS": f"base_compiledir={peers}", "NUMBA_CACHE_DIR": peers}
        for start in ("cold", "warm"):
            for engine in engines:
                # A cache for each engine: what one has compiled would make another warm.
                own = {"MULTIVERSE_CACHE": f"{ours}/{engine}"}
                again = ["--again"] if start == "warm" else []
                timings = _run([python, "ours.py", "--engine", engine, *again], own)
                for name, timing in zip((start, "compiled"), timings, strict=False):
                    found.setdefault(Way(timing.side, name), []).append(timing)
            for timing in _run([peer_python, "nutpie_peer.py", "--count", str(nutpie)], caches):
                found.setdefault(Way(timing.side, start), []).append(timing)
                if start == "warm":
                    sampling = replace(timing, fixed_seconds=0.0, fixed_cpu=0.0)
                    found.setdefault(Way(timing.side, "compiled"), []).append(sampling)
    for timing in _run([python, "numpyro_loop.py", "--count", str(loop)], {}):
        found.setdefault(Way(timing.side, ""), []).append(timing)
    return found


def _run(command: Sequence[str], environment: Mapping[str, str]) -> list[Timing]:
    return [heard(line) for line in _lines(command, environment)]


def _lines(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
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
    return [line for line in said.stdout.splitlines() if line.startswith("{")]


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


def ratios_table(measured: Measured, what: str) -> str:
    """How many times as much each peer takes as each of our engines, round by round; `what` of a Timing."""
    peers = list(dict.fromkeys(way.side for way in measured if not _is_ours(way)))
    lines = [f"| engine | start | {' | '.join(peers)} |", "| --- | --- |" + " --- |" * len(peers)]
    for way, ours in sorted(measured.items(), key=lambda item: STARTS.index(item[0].start or "cold")):
        if not _is_ours(way):
            continue
        cells = []
        for peer in peers:
            theirs = measured.get(Way(peer, way.start)) or measured[Way(peer, "")]
            cells.append(_times([getattr(t, what) / getattr(o, what) for t, o in zip(theirs, ours, strict=True)]))
        lines.append("| " + " | ".join([way.side.removeprefix(OURS), way.start, *cells]) + " |")
    return "\n".join(lines)


def scaling_table(python: str, engines: Iterable[str]) -> str:
    """What 1,000 universes cost beside 10 of them, compiled."""
    lines = ["| engine | s for 10 | s for 1,000 | ratio | in CPU time |", "| --- | --- | --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as cache:
        for engine in engines:
            for line in _lines([python, "scaling.py", "--engine", engine], {"MULTIVERSE_CACHE": cache}):
                of = json.loads(line)
                cells = [engine, f"{of['few_seconds']:.2f}", f"{of['all_seconds']:.2f}"]
                lines.append("| " + " | ".join([*cells, _times(of["ratios"]), _times(of["cpu_ratios"])]) + " |")
    return "\n".join(lines)


def _is_ours(way: Way) -> bool:
    return way.side.startswith(OURS)


def _spread(values: Sequence[float], digits: int | None = None) -> str:
    places = (1 if min(values) < 20 else 0) if digits is None else digits
    return _around([f"{value:.{places}f}" for value in (median(values), min(values), max(values))])


def _times(values: Sequence[float]) -> str:
    places = 0 if min(values) > 20 else 1
    middle, least, most = (f"{value:,.{places}f}" for value in (median(values), min(values), max(values)))
    return _around([f"{middle}×", least, most], alone=len(values) == 1)


def _around(told: Sequence[str], *, alone: bool = False) -> str:
    """The middle, with the extremes where there are several rounds."""
    middle, least, most = told
    return middle if alone or least == most else f"{middle} ({least} to {most})"


def joined(rounds: Iterable[Measured]) -> Measured:
    """The rounds side by side."""
    whole: Measured = {}
    for found in rounds:
        for way, timings in found.items():
            whole.setdefault(way, []).extend(timings)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--peer-python", default=sys.executable, help="a Python that has nutpie and PyMC")
    parser.add_argument("--loop", type=int, default=5, help="universes of the loop that are timed")
    parser.add_argument("--nutpie", type=int, default=30, help="universes of nutpie that are timed")
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), help="our engines, by name")
    parser.add_argument("--save", type=Path, help="a file for everything measured, as JSON")
    given = parser.parse_args()
    rounds: list[Measured] = []
    for _ in range(given.repeats):
        rounds.append(one_round(sys.executable, given.peer_python, given.loop, given.nutpie, given.engines))
        if given.save:
            whole = joined(rounds).items()
            rows = [{"start": way.start, **asdict(timing)} for way, timings in whole for timing in timings]
            given.save.write_text(json.dumps(rows, indent=1) + "\n")
    measured = joined(rounds)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, load {load}")
    print(f"{given.repeats} rounds; where there are several, median (least to most)\n")
    print(times_table(measured), "How many times as much the others take, in wall time, then in CPU time:", sep="\n\n")
    print("", ratios_table(measured, "seconds"), ratios_table(measured, "cpu"), sep="\n\n")
    print("\n" + scaling_table(sys.executable, [engine for engine in given.engines if engine in SCALED]) + "\n")
    for way, timings in measured.items():
        for timing in timings if _is_ours(way) else ():
            print(f"* {way.side}, {way.start}: {timing.note}")


if __name__ == "__main__":
    main()

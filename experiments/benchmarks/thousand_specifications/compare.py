"""Run the three ways in turn, each in a process of its own, and print the table of the README and the differences.

python compare.py [--repeats 2]

Cold: JAX's cache of compiled programs is an empty folder. Warm: the same again, with the cache the cold one filled.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pandas as pd

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
UNIVERSES = 1000
SAME = 1e-6  # largest difference between two ways, in kg, of an estimate or a standard error
PEER = "loop"


class Timed(NamedTuple):
    """One side, run once: seconds on the clock, seconds of CPU, and its estimates by decisions."""

    seconds: float
    cpu: float
    estimates: pd.DataFrame


def timed(side: str, cache: str, folder: str) -> Timed:
    """Run a side in a process of its own, imports included."""
    print("running", side, file=sys.stderr, flush=True)
    file = Path(folder) / f"{side}.csv"
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    before = cpu_seconds()
    said = subprocess.run(
        [sys.executable, "side.py", side, str(file)],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": paths, "MULTIVERSE_CACHE": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    told = json.loads(said.splitlines()[-1])
    return Timed(told["seconds"], cpu_seconds() - before, pd.read_csv(file))


def cpu_seconds() -> float:
    """User and system time of all processes that this one started and that have ended, and of those they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one_round() -> dict[str, Timed]:
    """Each side once, JAX cold and warm."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        return {
            "loop": timed("loop", cache, folder),
            "by_statsmodels": timed("by_statsmodels", cache, folder),
            "by_jax, cold": timed("by_jax", cache, folder),
            "by_jax, warm": timed("by_jax", cache, folder),
        }


def largest_difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.Series:
    """Of the estimates and of the standard errors, over all universes; each universe by its labels."""
    decisions = [c for c in ours if c not in ("mean", "sd")]
    both = ours.merge(theirs, on=decisions, suffixes=("", "_peer"), validate="one_to_one")
    if not len(both) == len(ours) == len(theirs) == UNIVERSES:
        raise SystemExit(f"{len(ours)} and {len(theirs)} universes share {len(both)}; expected {UNIVERSES}")
    return pd.Series({what: (both[what] - both[f"{what}_peer"]).abs().max() for what in ("mean", "sd")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    rounds = [one_round() for _ in range(parser.parse_args().repeats)]
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load}")
    print(f"median (least to most) of {len(rounds)} rounds\n")
    print("| side | wall s | CPU s | loop / side, wall | loop / side, CPU | differs from the loop: estimate, se |")
    print("| --- | --- | --- | --- | --- | --- |")
    for side in rounds[0]:
        runs, peers = [r[side] for r in rounds], [r[PEER] for r in rounds]
        worst = pd.concat(
            [largest_difference(a.estimates, b.estimates) for a, b in zip(runs, peers, strict=True)], axis=1
        )
        differs = worst.max(axis=1)
        cells = [
            side,
            _spread([r.seconds for r in runs]),
            _spread([r.cpu for r in runs]),
            _spread([p.seconds / r.seconds for r, p in zip(runs, peers, strict=True)]),
            _spread([p.cpu / r.cpu for r, p in zip(runs, peers, strict=True)]),
            f"{differs['mean']:.0e}, {differs['sd']:.0e}",
        ]
        print("| " + " | ".join(cells) + " |")
        if differs.max() > SAME:
            raise SystemExit(f"{side} and the loop differ by more than {SAME:g}")


def _spread(values: list[float]) -> str:
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()

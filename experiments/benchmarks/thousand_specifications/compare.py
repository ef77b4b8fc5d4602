"""Run the ways in turn, each in a process of its own, and print the table of the README and the largest differences.

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
SAME = 1e-6  # largest difference from the loop, in kg, of an estimate or a standard error

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
WAYS: dict[str, tuple[str, dict[str, str]]] = {  # name -> side, environment
    "loop": ("loop", {}),
    "loop, one BLAS thread": ("loop", ONE_THREAD),
    "multiverse, statsmodels": ("by_statsmodels", {}),
    "multiverse, statsmodels, one BLAS thread": ("by_statsmodels", ONE_THREAD),
    "multiverse, JAX, cold": ("by_jax", {}),
    "multiverse, JAX, warm": ("by_jax", {}),
}
PEERS = ("loop", "loop, one BLAS thread")


class Timed(NamedTuple):
    """One way, run once: seconds in all, of CPU, and in the regressions themselves; and its estimates by decisions."""

    seconds: float
    cpu: float
    regressing: float
    estimates: pd.DataFrame


def timed(side: str, environment: dict[str, str], folder: str) -> Timed:
    """Run a side in a process of its own, imports included. Compiled programs are kept in the folder."""
    file = Path(folder) / "estimates.csv"
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    before = cpu_seconds()
    said = subprocess.run(
        [sys.executable, "side.py", side, str(file)],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": paths, "MULTIVERSE_CACHE": folder, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    told = json.loads(said.splitlines()[-1])
    return Timed(told["seconds"], cpu_seconds() - before, told["regressing"], pd.read_csv(file))


def cpu_seconds() -> float:
    """User and system time of all processes that this one started and that have ended, and of those they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one_round() -> dict[str, Timed]:
    """Each way once."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for way, (side, environment) in WAYS.items():
            print("running", way, file=sys.stderr, flush=True)
            found[way] = timed(side, environment, folder)
    return found


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
    head = ["way", "wall s", "CPU s", "s in the regressions", *(f"{peer} / it, wall" for peer in PEERS)]
    head.append("differs from the loop: estimate, se")
    print("| " + " | ".join(head) + " |", "|" + " --- |" * len(head), sep="\n")
    for way in WAYS:
        runs = [r[way] for r in rounds]
        pairs = [(r[way].estimates, r["loop"].estimates) for r in rounds]
        differs = pd.concat([largest_difference(*pair) for pair in pairs], axis=1).max(axis=1)
        cells = [
            way,
            _spread([r.seconds for r in runs]),
            _spread([r.cpu for r in runs]),
            _spread([r.regressing for r in runs]),
            *(_spread([r[peer].seconds / r[way].seconds for r in rounds]) for peer in PEERS),
            f"{differs['mean']:.0e}, {differs['sd']:.0e}",
        ]
        print("| " + " | ".join(cells) + " |")
        if differs.max() > SAME:
            raise SystemExit(f"{way} and the loop differ by more than {SAME:g}")


def _spread(values: list[float]) -> str:
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    main()

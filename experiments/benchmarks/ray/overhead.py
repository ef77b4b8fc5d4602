"""What Ray costs beside this process: paired runs of the same universes on two workers, in two new processes each.

python overhead.py [--study regression] [--count 10000] [--pairs 5]     prints a table, and the median of the ratios

A worker has started and compiled, from a warm cache, before the clock of the sweep begins; what that took stands apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import click
from studies import STUDIES

SIDES = ("local", "ray")
HERE = Path(__file__).parent


def one(side: str, arguments: Sequence[str]) -> Mapping[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, str(HERE / "side.py"), "--side", side, *arguments]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{said.stderr}")
    return json.loads(said.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def cpu(run: Mapping[str, Any]) -> float:
    """All CPU seconds of a sweep: driver, workers, Ray itself."""
    return sum(seconds for name, seconds in run.items() if name.startswith("cpu of"))


@click.command(help=__doc__)
@click.option("--study", type=click.Choice(list(STUDIES)), default="regression")
@click.option("--engine", default=None, help="laplace, for the regression.")
@click.option("--count", default=10_000)
@click.option("--pairs", default=5)
@click.option("--workers", default=2)
def main(study: str, engine: str | None, count: int, pairs: int, workers: int) -> None:
    """Measure pairs, the order alternating, after one run of each that fills the cache of compiled programs."""
    engine = engine or ("laplace" if study == "regression" else None)
    given = ["--study", study, "--count", str(count), "--workers", str(workers)]
    given += ["--engine", engine] if engine else []
    for side in SIDES:
        print(f"filling the cache: {side}", file=sys.stderr, flush=True)
        one(side, [*given, "--count", "1000"])
    print("| pair | side | start s | workers, compile s | sweep s | CPU s: driver | workers | Ray | green | batches |")
    print("|" + " --- |" * 10, flush=True)
    found = []
    for pair in range(pairs):
        both = {}
        for side in SIDES if pair % 2 == 0 else SIDES[::-1]:
            run = both[side] = one(side, given)
            used = [f"{run[f'cpu of {who}']:.1f}" for who in ("driver", "workers", "Ray")]
            told = [pair + 1, side, *(f"{run[name]:.1f}" for name in ("start", "rehearsal", "sweep")), *used]
            told += [run["green"], run["batches"]]
            print("| " + " | ".join(str(cell) for cell in told) + " |", flush=True)
        found.append(both)
    wall = [both["ray"]["sweep"] / both["local"]["sweep"] for both in found]
    work = [cpu(both["ray"]) / cpu(both["local"]) for both in found]
    print(f"\nwall time of the sweep, Ray / this process: median {median(wall):.3f} of {_all(wall)}")
    print(f"CPU time, Ray / this process: median {median(work):.3f} of {_all(work)}")


def _all(ratios: Sequence[float]) -> str:
    return ", ".join(f"{ratio:.3f}" for ratio in ratios)


if __name__ == "__main__":
    main()

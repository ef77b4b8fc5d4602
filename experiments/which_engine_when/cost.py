"""Measure what the picture of costs shows, and write cost.csv: seconds of each engine against the number of universes.

python cost.py [--counts 1 10 100 1000] [--engines laplace reweight auto nuts] [--loop 2]     some five minutes

Universes of experiments/benchmarks/thousand_regressions, drawn at random; planning and the store included, imports not.
Each engine in a process of its own, with an empty cache: the first count is run twice, and what it takes more the first
time is the price of compiling. The loop is NumPyro's `MCMC` a universe, which compiles each time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
GRID = HERE.parent / "benchmarks" / "thousand_regressions"


def measure(engine: str, counts: list[int]) -> None:
    """Print rows of the file for one engine, in this process."""
    sys.path.insert(0, str(GRID))
    from study import study
    from universes import CHAINS, DRAWS, WARMUP

    import multiverse as mv

    settings = mv.NUTS(chains=CHAINS, warmup=WARMUP, draws=DRAWS) if engine == "nuts" else engine

    def seconds(count: int) -> float:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            plan = mv.plan(study(), design=mv.designs.random(count))
            mv.run(plan, store=f"{folder}/store", engine=settings)
            return time.perf_counter() - began

    first = seconds(counts[0])
    seconds(counts[-1])  # what other block sizes compile
    again = {count: seconds(count) for count in counts}
    compiling = first - again[counts[0]]
    for count, took in again.items():
        print(f"{engine},{count},compiled before,{took:.3f}")
        print(f"{engine},{count},nothing compiled,{took + compiling:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", type=int, default=[1, 10, 100, 1000])
    parser.add_argument("--engines", nargs="+", default=["laplace", "reweight", "auto", "nuts"])
    parser.add_argument("--loop", type=int, default=2, help="universes of the loop that are timed")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one, given.counts)
        return
    rows = []
    if given.loop:
        looped = _output([sys.executable, str(GRID / "numpyro_loop.py"), "--count", str(given.loop)])
        each = json.loads(looped.splitlines()[-1])["each_seconds"]
        rows += [f"NumPyro loop,{count},nothing compiled,{each * count:.3f}" for count in given.counts]
    for engine in given.engines:
        counts = [str(count) for count in given.counts]
        rows += _output([sys.executable, __file__, "--one", engine, "--counts", *counts]).splitlines()
    (HERE / "cost.csv").write_text("engine,universes,start,seconds\n" + "\n".join(rows) + "\n")
    print("\n".join(rows))


def _output(command: list[str]) -> str:
    print("running", *command[1:], file=sys.stderr, flush=True)
    paths = os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "MULTIVERSE_CACHE": cache, "PYTHONPATH": paths}
        return subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()

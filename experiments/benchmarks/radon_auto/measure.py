"""The radon study under `auto` beside `nuts`: how much faster, who answered what, and do they agree?

python measure.py [--engine auto] [--universes 256] [--peer 128]     prints the tables of the README

1. The main job of the README, `multiverse run experiments/radon/study.py --engine auto` in a process of its own with
   nothing compiled (cold), and once more with what that left in the cache (warm): wall and CPU seconds.
2. Both engines in one process, after a first run that compiled: `auto` answers all universes once more, NUTS `--peer`
   of them, drawn at random, after 32. Compared is what a universe takes.
3. Posterior means of the universes that both answered, in combined Monte Carlo standard errors.

NUTS has the settings of the study (`experiments/radon/study.py`), with its ladder. Some eight minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parents[3]
STUDY = ROOT / "experiments" / "radon" / "study.py"
sys.path.insert(0, str(STUDY.parent))

from study import engine, study  # noqa: E402

import multiverse as mv  # noqa: E402

COMPILED_BY = 32  # universes of a first run, which has all eight programs
FAR = 4.0  # combined Monte Carlo standard errors


class Cost(NamedTuple):
    """Seconds of one run; of the store, how many universes."""

    wall: float
    cpu: float
    universes: int


def main_job(engine: str, count: int | None) -> list[tuple[str, Cost, str]]:
    """The command, cold and warm: its cost, and what `multiverse status` says of it."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for start in ("cold", "warm"):
            store = f"{folder}/{start}"
            chosen = [] if count is None else ["--design", "random", "--universes", str(count)]
            command = ["run", str(STUDY), "--store", store, "--engine", engine, *chosen]
            began, cpu_began = time.perf_counter(), cpu_seconds(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, "-m", "multiverse", *command],
                env={**os.environ, "MULTIVERSE_CACHE": f"{folder}/cache", "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                check=False,  # it tells of red universes by its exit code
            )
            wall, cpu = time.perf_counter() - began, cpu_seconds(resource.RUSAGE_CHILDREN) - cpu_began
            status = mv.load(store).status()
            found.append((start, Cost(wall, cpu, status["answered"]), f"{status['green']} of {status['answered']}"))
            tell(f"{engine}, {start}: {wall:.0f} s, {status}")
    return found


def answered(engine: Any, study: mv.Study, *counts: int | None) -> tuple[mv.Results, Cost]:
    """The answers of the last run, and its cost; counts: of each run, universes drawn at random (None: all)."""
    for count in counts:
        began, cpu_began = time.perf_counter(), cpu_seconds()
        plan = mv.plan(study, design=None if count is None else mv.designs.random(count))
        results = mv.run(plan, engine=engine)
        cost = Cost(time.perf_counter() - began, cpu_seconds() - cpu_began, len(plan))
        tell(f"{getattr(engine, 'name', engine)}: {results.status()} in {cost.wall:.0f} s")
    return results, cost


def who_table(results: mv.Results) -> str:
    """Which engine answered how many universes of each program, green and red, and what they cost."""
    table = results.sql(
        """select engine, count(*) as universes, count(*) filter (ok) as green, count(distinct program) as programs,
            sum(seconds) as seconds
        from universes where same_as is null group by all order by universes desc"""
    )
    lines = ["| engine | universes | green | in programs | s a universe |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {r.engine} | {r.universes} | {r.green} | {r.programs} | {r.seconds / r.universes:.3f} |"
        for r in table.itertuples()
    ]
    return "\n".join(lines)


def agreement(fast: mv.Results, slow: mv.Results) -> str:
    """How far the posterior means are apart, where both are green."""
    columns = ["key", "mean", "mcse_mean", "sd"]
    first, second = (results.table().query("ok")[columns] for results in (fast, slow))
    both = first.merge(second, on="key", suffixes=("", "_slow"))
    apart = (both["mean"] - both["mean_slow"]).abs() / np.hypot(both["mcse_mean"], both["mcse_mean_slow"])
    in_sd = ((both["mean"] - both["mean_slow"]).abs() / both["sd_slow"]).max()
    return (
        f"{len(both)} universes are green in both. Their means differ by at most {apart.max():.2f} combined Monte "
        f"Carlo standard errors (root mean square {np.sqrt((apart**2).mean()):.2f}), {int((apart > FAR).sum())} by "
        f"more than {FAR:.0f}; by at most {in_sd:.3f} posterior standard deviations."
    )


def cpu_seconds(whose: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--universes", type=int, help="of `auto`, drawn at random; all by default")
    parser.add_argument("--peer", type=int, default=128, help="universes that NUTS answers")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--no-main-job", action="store_true")
    given = parser.parse_args()
    if not given.no_main_job:
        print("| main job | wall s | CPU s | green |\n| --- | --- | --- | --- |")
        for start, cost, green in main_job(given.engine, given.universes):
            print(f"| {given.engine}, {start} | {cost.wall:.0f} | {cost.cpu:.0f} | {green} |", flush=True)
    asked = engine if given.engine == engine.name else given.engine  # as the command takes it
    fast, fast_cost = answered(asked, study, given.universes, given.universes)
    slow, slow_cost = answered(engine.nuts, study, min(COMPILED_BY, given.peer), given.peer)
    print(
        "\n| compiled before | universes | wall s | s a universe | CPU s a universe |\n| --- | --- | --- | --- | --- |"
    )
    for name, cost in ((given.engine, fast_cost), ("nuts", slow_cost)):
        each = f"{cost.wall / cost.universes:.3f} | {cost.cpu / cost.universes:.3f}"
        print(f"| {name} | {cost.universes} | {cost.wall:.0f} | {each} |")
    wall, cpu = (
        (getattr(slow_cost, of) / slow_cost.universes) / (getattr(fast_cost, of) / fast_cost.universes)
        for of in ("wall", "cpu")
    )
    print(f"\nA universe takes NUTS {wall:.1f} times as long, in CPU time {cpu:.1f} times.\n")
    print(who_table(fast), "\n" + agreement(fast, slow), sep="\n")

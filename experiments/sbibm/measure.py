"""Answer tasks of the simulation-based inference benchmark, and tell the answers from exact posteriors by a classifier.

python measure.py --task two_moons --simulations 100000 --observations 10 [--sbibm sbibm-1.1.0-py2.py3-none-any.whl]

Prints a row of the README for each observation and one for their mean, and with `--save` keeps them as CSV. Without the
benchmark's wheel ten observations of our own are drawn in the same way.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
from c2st import c2st
from tasks import TASKS, study

import multiverse as mv

DRAWS: Final = 10_000  # of an answer, and of its reference: as the benchmark has it


def engine(task: str, simulations: int) -> mv.Amortized:
    """The network and its training: splines for two moons, which affine maps of one blob cannot make.

    Without tuning, which learns from the density too: the benchmark counts simulations.
    """
    training = mv.Schedule(simulations=simulations)
    return mv.Amortized(draws=DRAWS, training=training, tuning=None, kind="spline" if task == "two_moons" else "affine")


def answers(task: str, observed: np.ndarray, simulations: int) -> list[np.ndarray]:
    """For each observation draws (draw, dimension), all from one network trained on so many simulations."""
    plan = mv.plan(study(task, observed))
    results = mv.run(plan, engine=engine(task, simulations))
    keys = results.sql("select key from universes order by observation::int")["key"]
    drawn = results.draws(keys=keys)
    joint = np.stack([drawn[f"theta {j}"].values for j in range(TASKS[task].dimension)], axis=-1)
    return list(joint.reshape(len(observed), -1, TASKS[task].dimension))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=sorted(TASKS), default="two_moons")
    parser.add_argument("--simulations", type=int, default=100_000)
    parser.add_argument("--observations", type=int, default=10)
    parser.add_argument("--sbibm", type=Path, help="the benchmark's wheel, for its own observations")
    parser.add_argument("--save", type=Path, help="a CSV file to which rows are added")
    given = parser.parse_args()
    task, observed = TASKS[given.task], TASKS[given.task].observed(given.sbibm)[: given.observations]
    began = time.perf_counter()
    found = answers(given.task, observed, given.simulations)
    print(f"{time.perf_counter() - began:.0f} s until all were answered", file=sys.stderr)
    rows = []
    for i, (x, draws) in enumerate(zip(observed, found, strict=True), start=1):
        exact = task.reference(x, DRAWS, np.random.default_rng(i))
        whose = "published" if given.sbibm else "own"
        rows.append([given.task, given.simulations, whose, i, f"{c2st(exact, draws):.3f}"])
        print("| " + " | ".join(map(str, rows[-1])) + " |", flush=True)
    print(f"mean over {len(rows)}: {np.mean([float(row[-1]) for row in rows]):.3f}")
    if given.save:
        new = not given.save.exists()
        with given.save.open("a", newline="") as file:
            heads = [["task", "simulations", "observations", "observation", "c2st"]] if new else []
            csv.writer(file, lineterminator="\n").writerows(heads + rows)


if __name__ == "__main__":
    main()

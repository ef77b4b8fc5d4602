"""What do 1,000 universes cost beside 10 of them, drawn at random? Compiled before, planning and store included.

python scaling.py --engine reweight [--few 10] [--repeats 3]     prints one line of JSON
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from statistics import median

from study import study
from timing import cpu_seconds

import multiverse as mv


def seconds(engine: str, count: int | None) -> tuple[float, float]:
    """Wall and CPU seconds of planning and running so many universes; None: all."""
    began, cpu = time.perf_counter(), cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        plan = mv.plan(study(), design=None if count is None else mv.designs.random(count))
        mv.run(plan, store=f"{folder}/store", engine=engine)
        return time.perf_counter() - began, cpu_seconds() - cpu


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="reweight")
    parser.add_argument("--few", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    seconds(given.engine, given.few)  # compiles
    seconds(given.engine, None)
    pairs = [(seconds(given.engine, given.few), seconds(given.engine, None)) for _ in range(given.repeats)]
    print(
        json.dumps(
            {
                "engine": given.engine,
                "few": given.few,
                "few_seconds": median(few[0] for few, _ in pairs),
                "all_seconds": median(every[0] for _, every in pairs),
                "ratios": [every[0] / few[0] for few, every in pairs],
                "cpu_ratios": [every[1] / few[1] for few, every in pairs],
            }
        )
    )

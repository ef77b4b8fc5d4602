"""multiverse: all universes in one run, everything included: planning, compiling, answering, diagnostics, store.

python ours.py [--engine nuts] [--scales 10] [--seeds 10] [--again]     prints one line of JSON, or two

The first line is the whole process, imports included. With `--again` the same is planned and run once more, in the same
process and into another store: the second line, in which nothing is imported or compiled.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse  # noqa: E402
import tempfile  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from slopes_ess import smallest_ess  # noqa: E402
from study import study  # noqa: E402
from timing import Timing, cpu_seconds  # noqa: E402
from universes import CHAINS, DRAWS, DROP_SEEDS, PRIOR_SCALES, WARMUP  # noqa: E402

import multiverse as mv  # noqa: E402

ESS_UNIVERSES = 100  # ArviZ takes milliseconds a scalar: a random tenth is enough, and is not timed


def measure(engine: str, scales: int, seeds: int, since: float, cpu_since: float) -> Timing:
    """Plan and run the universes of the first prior scales and drop seeds, into a store in a temporary folder."""
    started = time.perf_counter()
    nuts = engine == "nuts"
    settings: Any = mv.NUTS(chains=CHAINS, warmup=WARMUP, draws=DRAWS) if nuts else engine
    with tempfile.TemporaryDirectory() as folder:
        plan = mv.plan(study(PRIOR_SCALES[:scales], drop_seeds=DROP_SEEDS[:seeds]))
        planned = time.perf_counter()
        results = mv.run(plan, store=f"{folder}/store", engine=settings, keep=["b"] if nuts else "estimands")
        done, cpu = time.perf_counter(), cpu_seconds()
        status = results.status()
        ess = _slopes_ess(results) if nuts else float(results.table()["ess"].mean())
        counts = results.sql("select engine, count(*) as n from universes where ok group by all order by n desc")
    count = status["answered"]
    green = ", ".join(f"{row.n} by {row.engine}" for row in counts.itertuples())
    phases = f"import {started - since:.1f} s, plan {planned - started:.1f} s, run {done - planned:.1f} s"
    return Timing(
        side=f"multiverse, {engine}",
        universes=count,
        fixed_seconds=0.0,  # nothing is extrapolated: all of it is in `each_seconds`
        each_seconds=(done - since) / count,
        fixed_cpu=0.0,
        each_cpu=(cpu - cpu_since) / count,
        ess=ess,
        note=f"{phases}; {status['green']} green ({green}), {status['red']} red",
    )


def _slopes_ess(results: mv.Results) -> float:
    keys = np.random.default_rng(0).permutation(results.table()["key"].to_numpy())[:ESS_UNIVERSES]
    return smallest_ess(list(results.draws("b", keys=list(keys))["b"].to_numpy()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="nuts")
    parser.add_argument("--scales", type=int, default=len(PRIOR_SCALES))
    parser.add_argument("--seeds", type=int, default=len(DROP_SEEDS))
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    measure(given.engine, given.scales, given.seeds, BEGAN, 0.0).tell()
    if given.again:
        measure(given.engine, given.scales, given.seeds, time.perf_counter(), cpu_seconds()).tell()

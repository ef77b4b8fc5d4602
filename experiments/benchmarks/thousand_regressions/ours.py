"""multiverse: all universes in one run, everything included: planning, compiling, sampling, diagnostics, store.

python ours.py [--scales 10] [--seeds 10]     prints one line of JSON
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse  # noqa: E402
import tempfile  # noqa: E402

import numpy as np  # noqa: E402
from slopes_ess import smallest_ess  # noqa: E402
from study import study  # noqa: E402
from timing import Timing, cpu_seconds  # noqa: E402
from universes import CHAINS, DRAWS, DROP_SEEDS, PRIOR_SCALES, WARMUP  # noqa: E402

import multiverse as mv  # noqa: E402

ESS_UNIVERSES = 100  # ArviZ takes milliseconds a scalar: a random tenth is enough, and is not timed


def measure(scales: int = len(PRIOR_SCALES), seeds: int = len(DROP_SEEDS)) -> Timing:
    """Plan and run the universes of the first prior scales and drop seeds, into a store in a temporary folder."""
    imported = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        plan = mv.plan(study(PRIOR_SCALES[:scales], drop_seeds=DROP_SEEDS[:seeds]))
        planned = time.perf_counter()
        engine = mv.NUTS(chains=CHAINS, warmup=WARMUP, draws=DRAWS)
        results = mv.run(plan, store=f"{folder}/store", engine=engine, keep=["b"])
        done, cpu = time.perf_counter(), cpu_seconds()
        status = results.status()
        keys = np.random.default_rng(0).permutation(results.table()["key"].to_numpy())[:ESS_UNIVERSES]
        slopes = results.draws("b", keys=list(keys))["b"].to_numpy()
    count = status["answered"]
    phases = f"import {imported - BEGAN:.1f} s, plan {planned - imported:.1f} s, run {done - planned:.1f} s"
    return Timing(
        side="multiverse",
        universes=count,
        fixed_seconds=0.0,  # nothing is extrapolated: all of it is in `each_seconds`
        each_seconds=(done - BEGAN) / count,
        fixed_cpu=0.0,
        each_cpu=cpu / count,
        ess=smallest_ess(list(slopes)),
        note=f"{phases}; {status['green']} green, {status['red']} red",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=int, default=len(PRIOR_SCALES))
    parser.add_argument("--seeds", type=int, default=len(DROP_SEEDS))
    given = parser.parse_args()
    measure(given.scales, given.seeds).tell()

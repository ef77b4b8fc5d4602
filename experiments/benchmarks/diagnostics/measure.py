"""What diagnostics cost a universe beside ArviZ: R-hat and both ESS of 4 x 300 draws, PSIS of 1,000 draws, and more.

python experiments/benchmarks/diagnostics/measure.py --universes 1000
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from multiverse.engines.diagnostics import convergence
from multiverse.engines.estimates import summarise
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import normalised, summarise_weighted, systematic_resample
from multiverse.power_scaling.sensitivity import sensitivities

ROUNDS = 5  # ours and theirs in turn
BY_ARVIZ = 20  # universes a round: it loops over them
SHAPE, WEIGHTS = (4, 300), 1000
BOUNDS = {"R-hat, bulk and tail ESS": 0.7, "PSIS": 0.3}  # ms a scalar and universe


def cpu(work: Callable[[], Any], universes: int) -> float:
    """Milliseconds of processor time a universe."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / universes * 1e3


def sides(universes: int) -> dict[str, tuple[Callable[[], Any], Callable[[], Any] | None]]:
    """By what is computed: ours of all universes, and ArviZ's of `BY_ARVIZ` of them, where it has it."""
    import arviz as az

    rng = np.random.default_rng(0)
    draws = np.cumsum(rng.normal(size=(universes, *SHAPE)), axis=2) * 0.02 + rng.normal(size=(universes, *SHAPE))
    logs = rng.standard_t(5, size=(universes, WEIGHTS))
    weights, values, offsets = normalised(logs), rng.normal(size=(universes, WEIGHTS)), rng.random(universes)
    density = -np.square(draws) / 2
    few = draws[:BY_ARVIZ]

    def judged() -> None:
        for one in few:
            az.rhat(one), az.ess(one, method="bulk"), az.ess(one, method="tail")

    def smoothed() -> None:
        for row in logs[:BY_ARVIZ]:
            az.psislw(row.copy())

    return {
        "R-hat, bulk and tail ESS": (lambda: convergence(draws), judged),
        "PSIS": (lambda: smooth(logs), smoothed),
        "all statistics of draws": (lambda: summarise(draws), None),
        "all statistics of weighted draws": (lambda: summarise_weighted(values, weights), None),
        "systematic resample": (lambda: systematic_resample(weights, offsets), None),
        "power-scaling sensitivity": (lambda: sensitivities(draws, density), None),
    }


def measure(universes: int) -> dict[str, dict[str, Any]]:
    """Medians over rounds, in ms of CPU a scalar and universe, with the least and the most."""
    found: dict[str, dict[str, Any]] = {}
    for name, (ours, theirs) in sides(universes).items():
        ours()
        times: dict[str, list[float]] = {"ours": [], "arviz": []}
        for _ in range(ROUNDS):
            times["ours"].append(cpu(ours, universes))
            if theirs is not None:
                times["arviz"].append(cpu(theirs, BY_ARVIZ))
        told = {side: [round(float(f(ms)), 3) for f in (np.median, min, max)] for side, ms in times.items() if ms}
        ratios = [theirs / ours for ours, theirs in zip(times["ours"], times["arviz"], strict=False)]
        found[name] = told | ({"ratio": round(float(np.median(ratios)), 1)} if ratios else {})
        if name in BOUNDS:
            found[name]["within"] = bool(np.median(times["ours"]) <= BOUNDS[name])
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--universes", type=int, default=1000)
    warnings.simplefilter("ignore")
    for name, numbers in measure(asked.parse_args().universes).items():
        print(name, json.dumps(numbers))


if __name__ == "__main__":
    main()

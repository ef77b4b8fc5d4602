"""The best peer that compiles once: nutpie with PyMC, the model compiled once and given new data for each universe.

python nutpie_peer.py [--count 30]     prints two lines of JSON

Prior scale, degrees of freedom and data are all `pm.Data`. The dropped rows are really dropped: 90 rows of new data, as
a user would give them. A mask over all 100 rows, as data too, took the same (CPU ratio 0.99, 24 universes in turn). The
second line is of nutpie without the ArviZ object it makes of each fit: the sampler, and draws in Arrow's memory.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse  # noqa: E402
import warnings  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import nutpie  # noqa: E402
import pyarrow as pa  # noqa: E402
import pymc as pm  # noqa: E402
from slopes_ess import smallest_ess  # noqa: E402
from timing import Timing, cpu_seconds  # noqa: E402
from universes import CHAINS, DRAWS, SLOPES, WARMUP, Regression, kept_rows, raw_data, some  # noqa: E402

CORES = 2  # two chains side by side


def data_of(universe: Regression) -> dict[str, Any]:
    numbers = {"scale": np.array(universe.scale), "degrees": np.array(universe.degrees)}
    return {**numbers, **kept_rows(raw_data(), universe.drop_seed)}


def model_of(universe: Regression) -> pm.Model:
    with pm.Model() as model:
        data = {name: pm.Data(name, value) for name, value in data_of(universe).items()}
        level = pm.Normal("a", 0, 10)
        slopes = pm.Normal("b", 0, data["scale"], shape=SLOPES)
        noise = pm.HalfNormal("s", 5)
        pm.StudentT("obs", nu=data["degrees"], mu=level + data["x"] @ slopes, sigma=noise, observed=data["y"])
    return model


def slopes_of(trace: Any, raw: bool) -> np.ndarray:
    """(chain, draw, slope) of a fit."""
    if not raw:
        return np.asarray(trace.posterior["b"])
    chains = [pa.record_batch(chain) for chain in trace.get_arrow_trace()[0]]
    return np.stack([chain["b"].flatten().to_numpy().reshape(-1, SLOPES)[-DRAWS:] for chain in chains])  # warm-up first


def measure(count: int) -> list[Timing]:
    """Compile once, then sample `count` universes one after the other, chains side by side; then again, raw."""
    universes = some(count)
    compiled = nutpie.compile_pymc_model(model_of(universes[0]))
    fixed, fixed_cpu = time.perf_counter(), cpu_seconds()
    found = []
    for side, raw in (("nutpie", False), ("nutpie, raw traces", True)):
        began, began_cpu = time.perf_counter(), cpu_seconds()
        traces = [
            nutpie.sample(
                compiled.with_data(**data_of(universe)),
                draws=DRAWS,
                tune=WARMUP,
                chains=CHAINS,
                cores=CORES,
                seed=number,
                progress_bar=False,
                return_raw_trace=raw,
            )
            for number, universe in enumerate(universes)
        ]
        done, cpu = time.perf_counter(), cpu_seconds()
        found.append(
            Timing(
                side=side,
                universes=count,
                fixed_seconds=fixed - BEGAN,
                each_seconds=(done - began) / count,
                fixed_cpu=fixed_cpu,
                each_cpu=(cpu - began_cpu) / count,
                ess=smallest_ess([slopes_of(trace, raw) for trace in traces]),
            )
        )
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=30)
    for timing in measure(parser.parse_args().count):
        timing.tell()

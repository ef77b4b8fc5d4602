"""The loop a user writes: NumPyro's `MCMC` once a universe. It compiles every time.

python numpyro_loop.py [--count 5] [--chains vectorized|sequential]     prints one line of JSON
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse  # noqa: E402
from typing import Any  # noqa: E402

import jax  # noqa: E402
import numpy as np  # noqa: E402
import numpyro  # noqa: E402
import numpyro.distributions as dist  # noqa: E402
from numpyro.infer import MCMC, NUTS  # noqa: E402
from slopes_ess import smallest_ess  # noqa: E402
from timing import Timing, cpu_seconds  # noqa: E402
from universes import CHAINS, DRAWS, SLOPES, WARMUP, kept_rows, raw_data, some  # noqa: E402


def model(data: Any, scale: Any, degrees: Any) -> None:
    level = numpyro.sample("a", dist.Normal(0, 10))
    slopes = numpyro.sample("b", dist.Normal(0, scale).expand([SLOPES]).to_event(1))
    noise = numpyro.sample("s", dist.HalfNormal(5))
    with numpyro.plate("rows", len(data["y"])):
        numpyro.sample("y", dist.StudentT(degrees, level + data["x"] @ slopes, noise), obs=data["y"])


def measure(count: int, chain_method: str) -> Timing:
    """Run `count` universes, each with an `MCMC` of its own."""
    raw, slopes = raw_data(), []
    began, began_cpu = time.perf_counter(), cpu_seconds()
    for number, universe in enumerate(some(count)):
        mcmc = MCMC(
            NUTS(model),
            num_warmup=WARMUP,
            num_samples=DRAWS,
            num_chains=CHAINS,
            chain_method=chain_method,
            progress_bar=False,
        )
        mcmc.run(jax.random.key(number), kept_rows(raw, universe.drop_seed), universe.scale, universe.degrees)
        slopes.append(np.asarray(mcmc.get_samples(group_by_chain=True)["b"]))
    done, cpu = time.perf_counter(), cpu_seconds()
    return Timing(
        side="NumPyro loop",
        universes=count,
        fixed_seconds=began - BEGAN,
        each_seconds=(done - began) / count,
        fixed_cpu=began_cpu,
        each_cpu=(cpu - began_cpu) / count,
        ess=smallest_ess(slopes),
        note=f"chains {chain_method}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--chains", choices=["vectorized", "sequential"], default="vectorized")
    given = parser.parse_args()
    measure(given.count, given.chains).tell()

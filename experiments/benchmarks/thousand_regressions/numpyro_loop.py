"""The loop a user writes: NumPyro's `MCMC` once a universe. It compiles every time.

python numpyro_loop.py [--count 5] [--chains vectorized|sequential] [--keep-mcmc]     prints one line of JSON

--keep-mcmc is what an experienced user writes: one `MCMC` for all universes and `jit_model_args=True`, which compiles
once since all universes keep 90 rows. (Universes that keep different numbers of rows would compile again.)
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


def sampler(chain_method: str, keep: bool) -> MCMC:
    return MCMC(
        NUTS(model),
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=CHAINS,
        chain_method=chain_method,
        progress_bar=False,
        jit_model_args=keep,
    )


def measure(count: int, chain_method: str, keep_mcmc: bool) -> Timing:
    """Run `count` universes; the first of a kept `MCMC`, which compiles, counts as fixed."""
    raw, kept, slopes, ends, cpus = raw_data(), None, [], [time.perf_counter()], [cpu_seconds()]
    for number, universe in enumerate(some(count + keep_mcmc)):
        mcmc = kept if kept is not None else sampler(chain_method, keep_mcmc)
        mcmc.run(jax.random.key(number), kept_rows(raw, universe.drop_seed), universe.scale, universe.degrees)
        slopes.append(np.asarray(mcmc.get_samples(group_by_chain=True)["b"]))
        ends.append(time.perf_counter())
        cpus.append(cpu_seconds())
        kept = mcmc if keep_mcmc else None
    first = int(keep_mcmc)
    return Timing(
        side="NumPyro loop, one MCMC kept" if keep_mcmc else "NumPyro loop",
        universes=count,
        fixed_seconds=ends[first] - BEGAN,
        each_seconds=(ends[-1] - ends[first]) / count,
        fixed_cpu=cpus[first],
        each_cpu=(cpus[-1] - cpus[first]) / count,
        ess=smallest_ess(slopes),
        note=f"chains {chain_method}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--chains", choices=["vectorized", "sequential"], default="vectorized")
    parser.add_argument("--keep-mcmc", action="store_true")
    given = parser.parse_args()
    measure(given.count, given.chains, given.keep_mcmc).tell()

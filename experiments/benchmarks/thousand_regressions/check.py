"""Are the fast answers right? Means and quantiles of 50 random universes against long NUTS, in Monte Carlo errors.

python check.py [--engines laplace reweight auto] [--few 50] [--draws 4000]     prints the table of the README

Every engine answers all 1,000 universes; NUTS answers 50 of them, drawn at random, with 4 long chains. Compared are
the mean, the 2.5 % quantile, the median and the 97.5 % quantile of the level, the four slopes and the noise, in
combined Monte Carlo standard errors of the two. The error of a quantile comes from an effective sample size n at it: p
is known within the middle 68 % of Beta(n p + 1, n (1 - p) + 1), mapped to the estimand's scale by the quantiles of the
long chains (Vehtari et al. 2021, Bayesian Analysis 16(2), as ArviZ's `mcse` has it). Takes some two minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
from scipy.stats import beta, norm
from study import EVERY_NUMBER, study

import multiverse as mv

QUANTILES = {"q2_5": 0.025, "median": 0.5, "q97_5": 0.975}
STATISTICS = ("mean", *QUANTILES)
FAR = 4.0  # combined Monte Carlo standard errors
ONE_SIGMA = (float(norm.cdf(-1)), float(norm.cdf(1)))


def quantile_error(draws: np.ndarray, probability: float, ess: float) -> float:
    """Monte Carlo standard error of a quantile known from `ess` independent draws; draws: of the same posterior."""
    ends = beta.ppf(ONE_SIGMA, ess * probability + 1, ess * (1 - probability) + 1)
    low, high = np.quantile(draws, ends)
    return float(high - low) / 2


def long_runs(few: int, draws: int) -> dict[tuple[str, str], dict[str, tuple[float, float, np.ndarray]]]:
    """(key, estimand) -> statistic -> value, its Monte Carlo standard error, and the draws, of long chains of NUTS."""
    import arviz as az

    plan = mv.plan(study(estimands=EVERY_NUMBER), design=mv.designs.random(few))
    engine = mv.NUTS(draws=draws, warmup=1000, dtype="float64", ladder=())
    results = mv.run(plan, engine=engine)
    tell(f"NUTS: {results.status()}")
    found: dict[tuple[str, str], dict[str, tuple[float, float, np.ndarray]]] = {}
    kept = results.draws(list(EVERY_NUMBER))
    for estimand in EVERY_NUMBER:
        for key, chains in zip(kept["universe"].to_numpy(), kept[estimand].to_numpy(), strict=True):
            x = np.asarray(chains, float)
            told = {"mean": (float(x.mean()), float(np.squeeze(az.mcse(x))), x)}
            for name, p in QUANTILES.items():
                ess = float(az.ess(x, method="quantile", prob=p))
                told[name] = float(np.quantile(x, p)), quantile_error(x, p, ess), x
            found[str(key), estimand] = told
    return found


def compared(engine: str, truth: dict[tuple[str, str], dict[str, tuple[float, float, np.ndarray]]]) -> str:
    """A row of the table: how far the answers of an engine to all 1,000 universes are from the long chains."""
    began = time.perf_counter()
    results = mv.run(study(estimands=EVERY_NUMBER), engine=engine)
    status = results.status()
    tell(f"{engine}: {status} in {time.perf_counter() - began:.0f} s")
    far: dict[str, list[float]] = {name: [] for name in STATISTICS}
    worst: tuple[float, Any] = (0.0, None)
    for row in results.sql("select * from estimates where ok").itertuples():
        if (row.key, row.estimand) not in truth:
            continue
        for name, (value, error, draws) in truth[row.key, row.estimand].items():
            ess = row.ess if name == "median" else row.ess_tail
            own = row.mcse_mean if name == "mean" else quantile_error(draws, QUANTILES[name], ess)
            apart = abs(getattr(row, name) - value) / np.hypot(own, error)
            far[name].append(apart)
            worst = max(worst, (apart, (row.estimand, name)), key=lambda pair: pair[0])
    every = np.concatenate([far[name] for name in STATISTICS])
    beyond = ", ".join(f"{name} {int((np.array(far[name]) > FAR).sum())}" for name in STATISTICS)
    named = f"{worst[0]:.2f} ({worst[1][1]} of {worst[1][0]})" if worst[1] else ""
    spread = f"{np.sqrt(np.mean(np.square(every))):.2f}" if every.size else ""
    cells = [engine, f"{status['green']} of {status['planned']}", f"{every.size:,}", f"{int((every > FAR).sum())}"]
    return "| " + " | ".join([*cells, beyond, named, spread]) + " |"


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=["laplace", "reweight", "auto"])
    parser.add_argument("--few", type=int, default=50, help="universes that NUTS answers with long chains")
    parser.add_argument("--draws", type=int, default=4000, help="of each of the four long chains")
    given = parser.parse_args()
    truth = long_runs(given.few, given.draws)
    heads = ["engine", "green", "comparisons", "beyond 4", "of these", "largest", "root mean square"]
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for engine in given.engines:
        print(compared(engine, truth), flush=True)

"""Log marginal likelihoods and Bayes factors of conjugate grids, in their stated errors of the closed form.

python measure.py [--engines laplace nested reweight] [--grids normal-normal ...]     prints the table of the README

Laplace and nested Laplace tell log marginal likelihoods; a log Bayes factor is the difference to the reference universe.
Reweighting tells log ratios to its first anchor alone. Nested Laplace takes the hierarchy only. Some three minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from grids import GRIDS, Grid

import multiverse as mv

NESTED = ("normal hierarchy",)  # the grids that have plates with latent sites
WITHIN = (1.0, 2.0, 4.0)  # stated errors; of a normal 68.3 %, 95.4 % and 99.99 %


def answers(grid: Grid, engine: str) -> pd.DataFrame:
    """A row for each universe: whether it is green, its numbers, and the exact log marginal likelihood."""
    began = time.perf_counter()
    results = mv.run(grid.study, engine=engine)
    status = results.status()
    tell(f"{grid.study.name}, {engine}: {status} in {time.perf_counter() - began:.0f} s")
    table = results.sql("select u.*, d.* exclude (key, run, ok, attempt, final, engine) from universes u join diagnostics d using (key, run, attempt)")
    decisions = grid.study.space.decisions.items()
    values = {name: {option.label: option.value for option in decision.options} for name, decision in decisions}
    exact = [grid.exact(**{name: values[name][getattr(row, name)] for name in values}) for row in table.itertuples()]
    return table.assign(exact=exact)


def told(table: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What is told -> errors in nats, and these as multiples of the stated ones; green universes only."""
    green = table[table["ok"]]
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if "log_marginal" in green and green["log_marginal"].notna().any():
        error = (green["log_marginal"] - green["exact"]).to_numpy()
        stated = green["log_marginal_mcse"].to_numpy()
        found["log marginal likelihood"] = error, error / stated
        others = ~green["reference"].to_numpy()
        own = np.flatnonzero(~others)
        if len(own):
            at = own[0]
            found["log Bayes factor"] = error[others] - error[at], (error[others] - error[at]) / np.hypot(stated[others], stated[at])
    if "log_ratio" in green and green["log_ratio"].notna().any():
        known = green[green["log_ratio"].notna()]
        print(known[["engine","log_ratio","log_ratio_mcse","exact"]].head(20), file=sys.stderr)
    return found


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=["laplace", "nested", "reweight"])
    parser.add_argument("--grids", nargs="+", default=list(GRIDS))
    given = parser.parse_args()
    for name in given.grids:
        for engine in given.engines:
            if engine == "nested" and name not in NESTED: continue
            for what, (error, ratio) in told(answers(GRIDS[name], engine)).items():
                print(name, engine, what, len(ratio), [float(np.mean(np.abs(ratio)<=w)) for w in WITHIN], np.abs(ratio).max(), np.median(np.abs(error)))

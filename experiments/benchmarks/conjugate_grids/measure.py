"""Log marginal likelihoods and Bayes factors of conjugate grids, in their stated errors of the closed form.

python measure.py [--engines laplace nested reweight] [--grids normal-normal ...]     prints the table of the README

Laplace and nested Laplace tell log marginal likelihoods; a log Bayes factor is the difference to the reference.
Reweighting tells log ratios to its first anchor alone. Nested Laplace takes the hierarchy only. Some three minutes.
"""

from __future__ import annotations

import argparse
import sys
import time

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
    others = "exclude (key, run, ok, attempt, final, engine)"
    table = results.sql(f"select u.*, d.* {others} from universes u join diagnostics d using (key, run, attempt)")
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
        if green["reference"].any():
            at = int(np.argmax(green["reference"].to_numpy()))
            apart, both = np.delete(error - error[at], at), np.delete(np.hypot(stated, stated[at]), at)
            found["log Bayes factor"] = apart, apart / both
    if "log_ratio" in green and green["log_ratio"].notna().any():
        known = green[green["log_ratio"].notna()]
        error, stated = (known["log_ratio"] - known["exact"]).to_numpy(), known["log_ratio_mcse"].to_numpy()
        at = int(np.argmin(stated))  # the first anchor: its ratio to itself is 1, without error
        apart = np.delete(error - error[at], at)
        found["log Bayes factor"] = apart, apart / np.delete(stated, at)
    return found


def row(name: str, engine: str, table: pd.DataFrame, what: str, error: np.ndarray, ratio: np.ndarray) -> str:
    """One line of the table."""
    far = np.abs(ratio)
    cells = [name, engine, f"{int(table['ok'].sum())} of {len(table)}", what, str(len(ratio))]
    cells += [f"{np.mean(far <= bound):.0%}" for bound in WITHIN]
    cells += [f"{far.max():.2f}", f"{np.sqrt(np.mean(far**2)):.2f}", f"{np.median(np.abs(error)):.2g}"]
    return "| " + " | ".join(cells) + " |"


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=["laplace", "nested", "reweight"])
    parser.add_argument("--grids", nargs="+", default=list(GRIDS))
    given = parser.parse_args()
    heads = ["grid", "engine", "green", "what", "numbers", *(f"within {bound:.0f} errors" for bound in WITHIN)]
    heads += ["largest", "root mean square", "median, nats"]
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for name in given.grids:
        for engine in given.engines:
            if engine == "nested" and name not in NESTED:
                continue
            table = answers(GRIDS[name], engine)
            for what, (error, ratio) in told(table).items():
                print(row(name, engine, table, what, error, ratio), flush=True)

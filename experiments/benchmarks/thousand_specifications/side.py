"""One way of computing the thousand regressions, everything included, in a process of its own.

python side.py loop|by_statsmodels|by_jax ESTIMATES.csv        writes the estimates and prints one line of JSON
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import importlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from itertools import product  # noqa: E402
from pathlib import Path  # noqa: E402

import pandas as pd  # noqa: E402

DECISIONS = ["people", "outliers", "history", "weight", "lifestyle", "errors"]


def loop() -> pd.DataFrame:
    """What a user writes without multiverse: nested loops around statsmodels, in one process."""
    import statsmodels.api as sm
    from by_statsmodels import study
    from smokers import BLOCKS, QUIT, load, prepare

    raw = load()
    decisions = [study.space.decisions[name].options for name in DECISIONS]
    rows = []
    for people, outliers in product(*decisions[:2]):
        data = prepare(raw, people=people.value, outliers=outliers.value)  # once for all that share it
        kept = data["kept"] == 1.0
        gained, design = data["gained"][kept], data["design"][kept]
        for history, weight, lifestyle, errors in product(*decisions[2:]):
            used = ([1.0, history.value, weight.value, lifestyle.value] @ BLOCKS) == 1.0
            began = time.perf_counter()
            fit = sm.OLS(gained, design[:, used]).fit(cov_type=errors.value, use_t=True)
            labels = [option.label for option in (people, outliers, history, weight, lifestyle, errors)]
            rows.append([*labels, fit.params[QUIT], fit.bse[QUIT], time.perf_counter() - began])
    return pd.DataFrame(rows, columns=[*DECISIONS, "mean", "sd", "seconds"])


def planned(module: str) -> pd.DataFrame:
    """The study of a module, planned and run into a store in a temporary folder."""
    import multiverse as mv

    with tempfile.TemporaryDirectory() as folder:
        results = mv.run(mv.plan(importlib.import_module(module).study), store=f"{folder}/store")
        return results.table()[[*DECISIONS, "mean", "sd", "seconds"]]


SIDES: dict[str, Callable[[], pd.DataFrame]] = {
    "loop": loop,
    "by_statsmodels": lambda: planned("by_statsmodels"),
    "by_jax": lambda: planned("by_jax"),
}


def main() -> None:
    side, target = sys.argv[1], Path(sys.argv[2])
    table = SIDES[side]().sort_values(DECISIONS)
    seconds = time.perf_counter() - BEGAN
    table.drop(columns="seconds").to_csv(target, index=False)
    print(json.dumps({"seconds": seconds, "regressing": table["seconds"].sum()}), flush=True)


if __name__ == "__main__":
    main()

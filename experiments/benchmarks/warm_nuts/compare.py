"""Warm NUTS beside NUTS: effective draws for each second of CPU, and whether the answers are the same.

python compare.py [--universes 16] [--study regressions] [--study radon]     prints a table for each study
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import multiverse as mv
from multiverse.engines.outcome import Outcome
from multiverse.engines.warm_nuts.engine import WarmNUTS
from multiverse.planning.plan import Plan
from multiverse.testing_engines import answer

ROOT = Path(__file__).parents[2]
WARMUPS = (50, 75, 100, 150)
LONG = 4  # times as many draws as NUTS: what answers are compared with
SEED_OF_LONG = 1


class Study(NamedTuple):
    """What is measured. estimand: whose effective draws count. common: settings of both engines."""

    study: mv.Study
    estimand: str
    warmup: int
    common: Mapping[str, Any]


def module(path: Path) -> ModuleType:
    """A file as a module; what lies beside it can be imported from it."""
    sys.path.insert(0, str(path.parent))
    at = importlib.util.spec_from_file_location(f"{path.parent.name}_study", path)
    assert at is not None and at.loader is not None
    found = importlib.util.module_from_spec(at)
    at.loader.exec_module(found)
    return found


def studies() -> dict[str, Study]:
    """By name: a small regression, and a hierarchy with 90 parameters."""
    regressions = module(ROOT / "benchmarks" / "thousand_regressions" / "study.py").study()
    radon = module(ROOT / "radon" / "study.py").study
    return {
        "regressions": Study(regressions, "first slope", 500, {"draws": 500}),
        "radon": Study(radon, "basement", 300, {"draws": 1000, "max_tree_depth": 5}),
    }


def some(plan: Plan, universes: int) -> list[tuple[str, Plan]]:
    """Parts of a plan by name: all in one program, or those of two parameterizations."""
    random = np.random.default_rng(0)
    parts: dict[str, list[str]] = {}
    for program in plan.programs[:2]:
        for key in sorted(program.members):
            labels = plan.universes[key]
            name = ", ".join(str(labels[d]) for d in ("parameterization",) if d in labels) or "all"
            parts.setdefault(
                f"{name}{', uranium ' + str(labels['uranium']) if 'uranium' in labels else ''}", []
            ).append(key)
    picked = {name: random.permutation(keys)[:universes].tolist() for name, keys in parts.items()}
    return [(name, plan.without(set(plan.keys) - set(keys))) for name, keys in picked.items()]


def fitted(engine: Any, plan: Plan) -> tuple[dict[str, Outcome], float]:
    """Outcomes by key, and CPU seconds without compiling."""
    for program in plan.programs:
        if mine := plan.todo & program.members.keys():
            answer(engine, plan.without(set(plan.keys) - {min(mine)}))
    began = time.process_time()
    outcomes = {outcome.key: outcome for _, some in answer(engine, plan) for outcome in some}
    return outcomes, time.process_time() - began


def distance(one: Outcome, other: Outcome, estimand: str) -> float:
    """Between two means, in combined Monte Carlo standard errors."""
    a, b = one.estimates[estimand], other.estimates[estimand]
    return float(abs(a["mean"] - b["mean"]) / np.hypot(a["mcse_mean"], b["mcse_mean"]))


def row(name: str, outcomes: Mapping[str, Outcome], seconds: float, long: Mapping[str, Outcome], estimand: str) -> str:
    """One line of the table."""
    drawn = [outcome for outcome in outcomes.values() if outcome.estimates]
    ess = np.mean([outcome.estimates[estimand]["ess"] for outcome in drawn])
    least = np.mean([outcome.diagnostics["ess_bulk_min"] for outcome in drawn])
    rhat = np.median([outcome.diagnostics["rhat_max"] for outcome in drawn])
    reasons = Counter(outcome.reason.name for outcome in outcomes.values())
    both = [o for o in drawn if o.ok and long[o.key].ok]
    far = max((distance(outcome, long[outcome.key], estimand) for outcome in both), default=np.nan)
    each = seconds / len(outcomes)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return (
        f"| {name} | {1000 * each:.0f} | {ess:.0f} | {ess / each:,.0f} | {least / each:,.0f} | {rhat:.3f} | {told} "
        f"| {far:.1f} of {len(both)} |"
    )


def compare(study: Study, universes: int, warmups: Sequence[int]) -> None:
    """Print a table for each part of a study."""
    plan = mv.plan(study.study)
    for name, part in some(plan, universes):
        print(f"\n{study.study.name}, {name}, {len(part.todo)} universes\n")
        print("| engine | CPU ms a universe | ESS | ESS a second | least ESS a second | R-hat | green, red | max z |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        common = {**study.common, "ladder": ()}
        far = {**common, "draws": LONG * common["draws"], "target_accept": 0.9}
        long, _ = fitted(mv.NUTS(warmup=1000, seed=SEED_OF_LONG, **far), part)
        outcomes, seconds = fitted(mv.NUTS(warmup=study.warmup, **common), part)
        print(row(f"nuts {study.warmup}", outcomes, seconds, long, study.estimand), flush=True)
        for warmup in warmups:
            outcomes, seconds = fitted(WarmNUTS(warmup=warmup, **common), part)
            print(row(f"warm_nuts {warmup}", outcomes, seconds, long, study.estimand), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", action="append", choices=["regressions", "radon"])
    parser.add_argument("--universes", type=int, default=16)
    parser.add_argument("--warmup", type=int, action="append")
    given = parser.parse_args()
    for chosen in given.study or ["regressions", "radon"]:
        compare(studies()[chosen], given.universes, given.warmup or WARMUPS)

"""Answer 200 hierarchical universes by nested Laplace before any sampling, check them against quadrature, time both.

python measure.py [--nuts 40] [--engine nested]     prints the tables of the README

Both engines run twice; the second time, in which nothing is compiled, is timed. NUTS answers `--nuts` universes drawn
at random, as the model is written: its ladder would answer more of the centered ones, and take minutes. All of it takes
some two minutes.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from typing import Any, NamedTuple

import numpy as np
from quadrature import posterior_means
from study import CENTERS, DEGREES, SPREADS, study

import multiverse as mv

FAR = 4.0  # Monte Carlo standard errors

Truth = dict[tuple[str, str, str], dict[str, tuple[float, float]]]


class Cost(NamedTuple):
    """Seconds of planning and running with nothing compiled, and once more with all compiled."""

    first: float
    again: float
    cpu: float  # of the second


def exact() -> Truth:
    """The answers by the labels of spread, degrees and center; says how far a grid twice as coarse is from them."""
    began, truth, apart = time.perf_counter(), {}, [0.0]
    for degrees in DEGREES:
        for spread in SPREADS:
            for center in CENTERS:
                fine = posterior_means(spread, degrees, center)
                coarse = posterior_means(spread, degrees, center, coarser=2)
                apart += [abs(fine[name][0] - coarse[name][0]) / fine[name][1] for name in fine]
                truth[str(spread), str(degrees), str(center)] = fine
    tell(f"quadrature in {time.perf_counter() - began:.0f} s")
    print(f"Quadrature: a grid with steps twice as wide gives the same within {max(apart):.1g} posterior sd.\n")
    return truth


def answered(engine: Any, count: int | None) -> tuple[mv.Results, Cost]:
    """The answers, by an engine, to so many universes drawn at random; None: all."""
    cpu_began, times = 0.0, []
    for _ in range(2):
        began, cpu_began = time.perf_counter(), cpu_seconds()
        plan = mv.plan(study, design=None if count is None else mv.designs.random(count))
        results = mv.run(plan, engine=engine)
        times.append(time.perf_counter() - began)
        tell(f"{getattr(engine, 'name', engine)}: {results.status()} in {times[-1]:.1f} s")
    return results, Cost(times[0], times[1], cpu_seconds() - cpu_began)


def row(engine: str, results: mv.Results, cost: Cost, truth: Truth) -> str:
    """One engine: how many are green, what a universe costs, and how far the green ones are from the truth."""
    status = results.status()
    apart = distances(results, truth)
    cells = [
        engine,
        f"{status['green']} of {status['answered']}",
        f"{1000 * cost.again / status['answered']:.1f}",
        f"{1000 * cost.cpu / status['answered']:.1f}",
        f"{cost.first - cost.again:.1f}",
        f"{apart.size:,}",
        f"{int((apart > FAR).sum())}",
        f"{apart.max(initial=0.0):.2f}",
        f"{np.sqrt(np.mean(np.square(apart))):.2f}" if apart.size else "",
    ]
    return "| " + " | ".join(cells) + " |"


def distances(results: mv.Results, truth: Truth) -> np.ndarray:
    """Of the means of green universes from the truth, in Monte Carlo standard errors; the worst are told."""
    rows = list(results.sql("select * from estimates where ok").itertuples())
    labels = [(r.spread, r.degrees, r.center) for r in rows]
    apart = [abs(r.mean - truth[label][r.estimand][0]) / r.mcse_mean for r, label in zip(rows, labels, strict=True)]
    for i in np.argsort(apart)[::-1][:5]:
        r = rows[int(i)]
        at = f"spread {r.spread}, df {r.degrees}, center {r.center}, {r.geometry}"
        tell(f"  {r.estimand} is {apart[int(i)]:.2f} errors away: {at}")
    return np.array(apart)


def green_table(results: mv.Results) -> str:
    """How many are green, by prior scale and geometry."""
    table = results.sql(
        """select spread, geometry, count(*) filter (ok) || ' of ' || count(*) as green
        from universes group by all"""
    ).pivot(index="spread", columns="geometry", values="green")
    table = table.loc[sorted(table.index, key=float)]
    lines = [
        "| scale of the spread's prior | " + " | ".join(table.columns) + " |",
        "| --- |" + " --- |" * table.shape[1],
    ]
    lines += ["| " + " | ".join([str(label), *map(str, cells)]) + " |" for label, cells in table.iterrows()]
    return "\n".join(lines)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="nested")
    parser.add_argument("--nuts", type=int, default=40, help="universes that NUTS answers")
    given = parser.parse_args()
    truth = exact()
    nested, cost = answered(given.engine, None)
    heads = ["engine", "green", "ms a universe", "CPU ms", "s to compile", "comparisons"]
    heads += [f"beyond {FAR:.0f} errors", "largest", "root mean square"]
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    print(row(given.engine, nested, cost, truth), flush=True)
    if given.nuts:
        print(row("nuts", *answered(mv.NUTS(ladder=()), given.nuts), truth))
    print("\n" + green_table(nested))
    reds = nested.sql(
        "select reason, count(*) as n, any_value(message) as one from failures group by all order by n desc"
    )
    for red in reds.itertuples():
        tell(f"red: {red.n} x {red.reason}, such as: {red.one}")

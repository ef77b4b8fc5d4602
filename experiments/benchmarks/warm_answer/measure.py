"""Milliseconds a data set of a trained network: loading, the first answer, warm ones; and where the time goes.

python measure.py [--sets 200] [--steps 1000] [--store FOLDER]      prints the tables of the README

Trains first where the store has no network yet. Data sets are simulated from the model; times are those of
`network.answer`, from the raw data on, with preprocessing, k-hat, distance and the gate.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from study import EFFECT, ERROR, engine, study

import multiverse as mv


def data_sets(count: int) -> list[dict[str, np.ndarray]]:
    """The schools once more: effects drawn from the model of the reference universe, the same standard errors."""
    random = np.random.Generator(np.random.Philox(8))
    mean, scale = random.normal(0, 0.5, count), np.abs(random.normal(0, 0.5, count))
    raw = random.standard_t(4, (count, len(EFFECT)))
    effects = random.normal(mean[:, None] + scale[:, None] * raw, ERROR)
    return [{"effect": effect, "error": ERROR} for effect in effects]


class Timed(NamedTuple):
    """Seconds of one call, and what came back."""

    wall: float
    cpu: float
    found: Any


def timed(call: Callable[[], Any]) -> Timed:
    """Call it."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return Timed(time.perf_counter() - wall, time.process_time() - cpu, found)


def row(name: str, all_of_them: list[Timed], told: str) -> str:
    """A row of the table; milliseconds."""
    wall, cpu = (np.array(times) * 1000 for times in zip(*((one.wall, one.cpu) for one in all_of_them), strict=True))
    times = (np.median(cpu), np.quantile(cpu, 0.95), np.min(wall), np.median(wall), np.quantile(wall, 0.95))
    return f"| {name} | {' | '.join(f'{ms:.1f}' for ms in times)} | {told} |"


def main() -> None:
    """Train where need be, answer, print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--sets", type=int, default=200)
    asked.add_argument("--steps", type=int, default=1000)
    asked.add_argument("--store", type=Path, default=Path("runs") / "warm_answer")
    at = asked.parse_args()
    training = replace(engine.training, steps=at.steps)
    trained = timed(lambda: mv.run(study, engine=replace(engine, training=training), store=at.store))
    load = timed(lambda: mv.load_network(at.store, study, ready=False))
    network = load.found
    new = data_sets(at.sets)
    first, together = timed(lambda: network.answer(new[0])), timed(lambda: network.answer_all(new[0]))
    print(f"run (training, unless it was there) {trained.wall:.0f} s, {trained.found.status()}\n{network!r}\n")
    for name, one in (("load", load), ("first answer", first), ("first of all universes", together)):
        print(f"{name}: {one.cpu:.1f} s of CPU, {one.wall:.1f} s")
    print("\n| asked | CPU ms, median | 95 % | wall ms, least | median | 95 % | green | k-hat | importance ESS |")
    print(f"|{' --- |' * 9}")
    asks = {
        "a universe of the space": {},
        "between the options": {"center": 3.3, "degrees": 7.0},
        "beyond the options, weighed": {"center": 15.0},
    }
    for name, options in asks.items():
        times = [timed(lambda data=data, options=options: network.answer(data, **options)) for data in new]
        answers = [one.found for one in times]
        green, khat = np.mean([a.ok for a in answers]), np.median([a.khat for a in answers])
        share = np.median([a.importance_ess for a in answers]) / engine.draws
        print(row(name, times, f"{green:.0%} | {khat:.2f} | {share:.0%}"))
    times = [timed(lambda data=data: network.answer_all(data)) for data in new[: max(at.sets // 10, 1)]]
    green = np.mean([one.found.green / len(one.found) for one in times])
    print(row(f"all {len(times[0].found)} universes", times, f"{green:.0%} | | "))


if __name__ == "__main__":
    main()

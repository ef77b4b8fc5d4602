"""Milliseconds a data set of a trained network: loading, the first answer, warm ones; and where the time goes.

python measure.py [--sets 200] [--steps 1000] [--store FOLDER]      prints the tables of the README

Trains first where the store has no network yet. Data sets are simulated from the model; times are wall time of
`network.answer`, from the raw data on, with preprocessing, k-hat, distance and the gate.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

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


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds, and what came back."""
    began = time.perf_counter()
    found = call()
    return time.perf_counter() - began, found


def main() -> None:
    """Train where need be, answer, print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--sets", type=int, default=200)
    asked.add_argument("--steps", type=int, default=1000)
    asked.add_argument("--store", type=Path, default=Path("runs") / "warm_answer")
    at = asked.parse_args()
    training = replace(engine.training, steps=at.steps)
    trained, results = timed(lambda: mv.run(study, engine=replace(engine, training=training), store=at.store))
    load, network = timed(lambda: mv.load_network(at.store, study, ready=False))
    new = data_sets(at.sets)
    first, _ = timed(lambda: network.answer(new[0]))
    times = {"one universe of the space": [timed(lambda data=data: network.answer(data)) for data in new]}
    inside = {"center": 3.3, "degrees": 7.0}
    times["between the options"] = [timed(lambda data=data: network.answer(data, **inside)) for data in new]
    beyond = {"center": 15.0}
    times["beyond the options, weighed"] = [timed(lambda data=data: network.answer(data, **beyond)) for data in new]
    together, _ = timed(lambda: network.answer_all(new[0]))
    all_of_them = [timed(lambda data=data: network.answer_all(data)) for data in new[: at.sets // 10]]
    print(f"run (training, unless it was there) {trained:.0f} s, {results.status()}\n{network!r}\n")
    print(f"load {load:.1f} s, first answer {first:.1f} s, first of all universes {together:.1f} s\n")
    print("| asked | ms, median | ms, 95 % | green | k-hat, median | importance ESS, median |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, found in times.items():
        ms = np.array([seconds for seconds, _ in found]) * 1000
        answers = [answer for _, answer in found]
        green, khat = np.mean([a.ok for a in answers]), np.median([a.khat for a in answers])
        share = np.median([a.importance_ess for a in answers]) / engine.draws
        print(
            f"| {name} | {np.median(ms):.1f} | {np.quantile(ms, 0.95):.1f} | {green:.0%} | {khat:.2f} | {share:.0%} |"
        )
    ms = np.array([seconds for seconds, _ in all_of_them]) * 1000
    green = np.mean([answers.green / len(answers) for _, answers in all_of_them])
    each = len(all_of_them[0][1])
    print(f"| all {each} universes | {np.median(ms):.0f} | {np.quantile(ms, 0.95):.0f} | {green:.0%} | | |")
    print(f"\nall universes: {np.median(ms) / each:.1f} ms a universe")


if __name__ == "__main__":
    main()

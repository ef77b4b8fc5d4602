"""Workers killed at random in the middle of a sweep: does it end alike, and how much time is lost?

python kills.py [--count 4000] [--kills 20]     prints when each was killed, and what it cost

The same universes are answered in this process, on Ray in peace, and on Ray while `kill -9` meets a worker drawn at
random, the next one a random time after its successor has got to work. The draws of all three have to be equal.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import click
from clock import Phases
from studies import regression

import multiverse as mv
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.store.end_state import end_state
from multiverse.store.place import open_store

SWEEP = "answering universes"


class Killer(threading.Thread):
    """Kills workers of a session, one after the other."""

    def __init__(self, executor: Ray, kills: int, mean_seconds: float, seed: int):
        super().__init__(daemon=True)
        self.killed: list[tuple[float, int]] = []
        self.over = threading.Event()
        self._executor, self._kills, self._mean, self._random = executor, kills, mean_seconds, random.Random(seed)

    def run(self) -> None:
        began = time.monotonic()
        seen: set[int] = set()
        while len(self.killed) < self._kills and not self.over.is_set():
            self.over.wait(self._random.expovariate(1 / self._mean))
            there = [process for process in self._at_work() if process not in seen]
            if there and not self.over.is_set():
                victim = self._random.choice(there)
                os.kill(victim, signal.SIGKILL)
                seen.add(victim)
                self.killed.append((time.monotonic() - began, victim))
                print(f"{self.killed[-1][0]:7.1f} s: killed process {victim}", flush=True)

    def _at_work(self) -> list[int]:
        for session in self._executor._sessions:
            members = list(session.crew.members.values())
            return [member.hello.pid for member in members if member.hello is not None and member.calls]
        return []


@click.command(help=__doc__)
@click.option("--count", default=4000)
@click.option("--kills", default=20)
@click.option("--workers", default=2)
@click.option("--mean", default=1.0, help="Seconds until the next one is killed, on average.")
@click.option("--batch-seconds", default=0.5, help="A batch should take: what a kill loses.")
@click.option("--seed", default=0)
def main(count: int, kills: int, workers: int, mean: float, batch_seconds: float, seed: int) -> None:
    """Measure."""
    plan = mv.plan(regression(count))
    ray = {"workers": workers, "batch_seconds": batch_seconds}
    with tempfile.TemporaryDirectory() as folder:
        states, seconds = {}, {}

        def swept(name: str, executor: Any) -> None:
            phases = Phases()
            results = mv.run(plan, store=f"{folder}/{name}", engine="laplace", executor=executor, progress=phases)
            states[name], seconds[name] = end_state(open_store(Path(folder, name))), phases.seconds[SWEEP]
            told = results.status()
            print(f"{name}: {seconds[name]:.1f} s, {told['green']} green, {told['red']} red", flush=True)

        swept("in this process", mv.Local(threads=workers))
        swept("on Ray", Ray(**ray))
        struck = Ray(**ray)
        killer = Killer(struck, kills, mean, seed)
        killer.start()
        swept("on Ray, struck", struck)
        killer.over.set()
        killer.join()
    met = len(killer.killed)
    lost = seconds["on Ray, struck"] - seconds["on Ray"]
    print(f"{met} of {kills} kills met a worker at its work; {lost:.1f} s lost, {lost / max(met, 1):.2f} s a kill")
    first = states["in this process"]
    for name, state in states.items():
        print(f"{name}: {state.num_rows:,} rows, {'equal' if state.equals(first) else 'OTHER'} draws and numbers")
    if met < kills or not all(state.equals(first) for state in states.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()

"""Processes and nodes that die while a sweep runs on Ray: it ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import multiverse as mv
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.executors.ray_cluster.tasks import DEATHS_ALONE
from multiverse.store.contract import Store, Table
from multiverse.store.place import open_store

pytestmark = pytest.mark.ray

KILLS = 20
ROOT = Path(__file__).parents[3]

STUDY = """
import time
import multiverse as mv

def estimate(data, *, a, b):
    time.sleep(0.1)
    return float(a - b)  # JAX cannot trace it: each universe is a call

study = mv.Study(
    "slow", data={"x": [1.0]}, estimate=estimate,
    space=mv.Space(
        a=mv.decision("estimator", {f"a{i}": float(i) for i in range(12)}),
        b=mv.decision("estimator", {f"b{i}": float(i) for i in range(12)}),
    ),
)
"""


def test_twenty_workers_killed_at_random(
    machines: Any, normal_mean: ModuleType, exact_engines: ModuleType, events: Any, once_each: Any, tmp_path: Path
) -> None:
    plan, engine = mv.plan(normal_mean.study()), exact_engines.Paused(pause=0.1)
    executor, dice, killed = Ray(workers=2), random.Random(20), list[int]()

    def kill(_done: int) -> None:
        # A third death of one universe alone would be taken for its fault, and rightly so: it is left alive.
        at_work = [
            member
            for member in executor._sessions[0].crew.members.values()
            if member.hello and member.calls and member.calls[0].task.deaths + 1 < DEATHS_ALONE
        ]
        there = [pid for member in at_work if (pid := member.hello.pid) not in killed]  # nobody has heard of it yet
        if there and len(killed) < KILLS:
            killed.append(dice.choice(there))
            os.kill(killed[-1], signal.SIGKILL)

    seen = events(kill)
    there = mv.run(plan, store=tmp_path / "there", engine=engine, executor=executor, progress=seen)
    here = mv.run(plan, store=tmp_path / "here", engine=engine)
    assert len(killed) == KILLS
    assert f"{KILLS} workers lost" in seen.notes[-1]
    assert once_each(there.store).equals(once_each(here.store))
    assert not there.failures().shape[0]


@pytest.mark.parametrize("gracefully", [False, True], ids=["cut off", "shut down"])
def test_a_node_is_lost_while_it_works(
    gracefully: bool,
    machines: Any,
    normal_mean: ModuleType,
    exact_engines: ModuleType,
    events: Any,
    once_each: Any,
    tmp_path: Path,
) -> None:
    plan, engine = mv.plan(normal_mean.study()), exact_engines.Paused(pause=0.2)
    executor = Ray(cpus=0, resources={"roams": 1})
    with machines.node(resources={"roams": 1}) as node:

        def lose(_done: int) -> None:
            crew = executor._sessions[0].crew
            there = [m for m in crew.members.values() if m.hello and m.hello.node == node.node_id and m.calls]
            if there and node in machines.nodes:
                machines.remove(node, gracefully=gracefully)

        seen = events(lose)
        there = mv.run(plan, store=tmp_path / "there", engine=engine, executor=executor, progress=seen)
    assert "1 worker lost" in seen.notes[-1]
    here = mv.run(plan, store=tmp_path / "here", engine=engine)
    assert once_each(there.store).equals(once_each(here.store))


def test_a_driver_is_killed_and_started_again(
    machines: Any, free: Callable[[], None], once_each: Callable[[Store], Table], tmp_path: Path
) -> None:
    study, there = tmp_path / "study.py", tmp_path / "there"
    study.write_text(STUDY)
    command = [sys.executable, "-m", "multiverse", "run", str(study), "--executor", "ray"]
    command += ["--address", machines.address, "--store", str(there), "--batch-seconds", "0.5"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    driver = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while len(parts := _parts(there)) < 3:
            assert driver.poll() is None, "it ended before it could be killed"
            time.sleep(0.1)
    finally:
        driver.kill()
        driver.wait()
    free()  # its workers went with it
    assert len(_parts(there)) < 144
    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert parts <= _parts(there)
    free()
    here = tmp_path / "here"
    subprocess.run([*command[:5], "--store", str(here)], env=environment, check=True, capture_output=True)
    assert once_each(open_store(there)).equals(once_each(open_store(here)))


def _parts(store: Path) -> frozenset[str]:
    return open_store(store).names("part") if store.exists() else frozenset()

"""A killed run, given again, ends as one that was never killed: nothing lost, nothing double.

What may change between two calls, and engines that adapt, are in test_sweep.py.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from multiverse.results import Results
from multiverse.store.contract import Table
from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run

UNIVERSES, BATCHES = 40, 5  # of the study's command
KILLS = 10
GIVE_UP = 300.0  # seconds after which a process that was to end by itself is a failure

Command = tuple[list[str], dict[str, str]]


@pytest.fixture(scope="module")
def whole(normal_mean: ModuleType) -> Table:
    """The end state of a run that nobody disturbed."""
    store = MemoryStore()
    run(normal_mean.study(normal_mean.space(5, 2, 4)), store=store, engine=normal_mean.QUICK)
    state = end_state(store)
    assert state.num_rows == UNIVERSES
    return state


def start(command: Command, store: Path, *arguments: Any) -> subprocess.Popen[str]:
    told, environment = command
    return subprocess.Popen(
        [*told, str(store), *map(str, arguments)], env=environment, stderr=subprocess.PIPE, text=True
    )


def finish(command: Command, store: Path) -> None:
    process = start(command, store)
    _, said = process.communicate(timeout=GIVE_UP)
    assert process.returncode == 0, said


def unfinished(store: Path) -> list[Path]:
    return list(store.rglob("*.tmp"))


def assert_ended_well(store: Path, whole: Table) -> None:
    found = FolderStore(store)
    keys = Counter(found.scan("part", ["key"])["key"].to_pylist())
    assert set(keys.values()) == {1} and len(keys) == UNIVERSES
    assert end_state(found).equals(whole)
    status = Results(found, "main").status()
    assert (status["planned"], status["answered"]) == (UNIVERSES, UNIVERSES)


@pytest.mark.parametrize("after_rename", [False, True])
def test_killed_while_it_publishes_a_part(
    normal_mean_command: Command, tmp_path: Path, whole: Table, after_rename: bool
) -> None:
    """Just before and just after the rename that gives the third part its name."""
    store = tmp_path / "store"
    process = start(normal_mean_command, store, "--threads", 1, "--die-in-put", 2, *["--after-rename"] * after_rename)
    process.communicate(timeout=GIVE_UP)
    assert process.returncode == -signal.SIGKILL
    assert len(FolderStore(store).names("part")) == 2 + after_rename
    assert len(unfinished(store)) == 1 - after_rename
    running = Results(FolderStore(store), "main")  # of a store that nobody has tidied up
    assert running.status()["answered"] == len(running.table()) == 8 * (2 + after_rename)
    assert running.draws()["mu"].shape == (8 * (2 + after_rename), 2, 100)
    finish(normal_mean_command, store)
    assert len(FolderStore(store).names("part")) == BATCHES
    assert_ended_well(store, whole)


@pytest.mark.slow
def test_killed_ten_times_at_random_moments(normal_mean_command: Command, tmp_path: Path, whole: Table) -> None:
    """Moments are drawn over the whole life of the process: starting, planning, sampling, publishing.

    Each attempt has one thread more to publish from than the one before had, and gets killed where it is; what counts
    is the end.
    """
    rng, store = random.Random(3), tmp_path / "store"
    began = time.monotonic()
    finish(normal_mean_command, tmp_path / "undisturbed")
    life = time.monotonic() - began
    killed_with: list[int] = []
    for kill in range(KILLS):
        process = start(normal_mean_command, store, "--threads", 1 + kill % 3)
        # Half of the kills come shortly after a part was published, where most is in the air.
        before = len(parts(store))
        deadline = time.monotonic() + (rng.uniform(0, life) if kill % 2 else 2 * life)
        while process.poll() is None and time.monotonic() < deadline and (kill % 2 or len(parts(store)) == before):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=GIVE_UP)
        killed_with.append(len(parts(store)))
        if killed_with[-1] == BATCHES:
            break
    finish(normal_mean_command, store)
    assert killed_with == sorted(killed_with)  # what was published stays
    assert_ended_well(store, whole)
    assert set(unfinished(store)) <= set(store.rglob("*.parquet.tmp"))


def parts(store: Path) -> list[Path]:
    return list((store / "parts").glob("part-*.parquet"))


def test_two_processes_on_one_store_answer_each_universe_once(
    normal_mean_command: Command, tmp_path: Path, whole: Table
) -> None:
    """Both may fit a batch; they publish it under one name."""
    store = tmp_path / "store"
    both = [start(normal_mean_command, store) for _ in range(2)]
    said = [process.communicate(timeout=GIVE_UP)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    results = Results(FolderStore(store), "main")
    assert len(results.table()) == UNIVERSES
    assert results.status()["answered"] == UNIVERSES

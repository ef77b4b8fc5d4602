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
from typing import Any, NamedTuple

import pytest

from multiverse.results import Results
from multiverse.store.contract import Table
from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run

UNIVERSES = 40  # of the study's command
KILLS = 10
GIVE_UP = 300.0  # seconds after which a process that was to end by itself is a failure
STOPS = 20.0  # seconds in which it has to end when it is told to

Command = tuple[list[str], dict[str, str]]


class Whole(NamedTuple):
    """A run that nobody disturbed: its end state, and in how many batches it got there."""

    state: Table
    batches: int


def undisturbed(normal_mean: ModuleType, engine: Any) -> Whole:
    store = MemoryStore()
    run(normal_mean.study(normal_mean.space(5, 2, 4)), store=store, engine=engine)
    state = end_state(store)
    assert state.num_rows == UNIVERSES
    return Whole(state, len(store.names("part")))


@pytest.fixture(scope="module")
def whole(normal_mean: ModuleType) -> Whole:
    return undisturbed(normal_mean, normal_mean.MANY_BATCHES)


def start(command: Command, store: Path, *arguments: Any) -> subprocess.Popen[str]:
    told, environment = command
    engine = [] if "--exact" in arguments else ["--many-batches"]
    full = [*told, str(store), *engine, *map(str, arguments)]
    return subprocess.Popen(full, env=environment, stderr=subprocess.PIPE, text=True)


def finish(normal_mean: ModuleType, store: Path, engine: Any) -> None:
    """The same call again, here: this process has the program compiled."""
    run(normal_mean.study(normal_mean.space(5, 2, 4)), store=store, engine=engine)


def to_the_end(process: subprocess.Popen[str]) -> bool:
    """Wait for a process that nobody disturbs; whether it ended well."""
    process.communicate(timeout=GIVE_UP)
    return process.returncode == 0


def unfinished(store: Path) -> list[Path]:
    return list(store.rglob("*.tmp"))


def assert_ended_well(store: Path, whole: Whole) -> None:
    found = FolderStore(store)
    keys = Counter(found.scan("part", ["key"])["key"].to_pylist())
    assert set(keys.values()) == {1} and len(keys) == UNIVERSES
    assert end_state(found).equals(whole.state)
    status = Results(found, "main").status()
    assert (status["planned"], status["answered"]) == (UNIVERSES, UNIVERSES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("exact", "after_rename"),
    [
        (True, False),
        (True, True),
        (False, False),
    ],
)
def test_killed_while_it_publishes_a_part(
    normal_mean: ModuleType,
    exact_engines: ModuleType,
    normal_mean_command: Command,
    tmp_path: Path,
    exact: bool,
    after_rename: bool,
) -> None:
    """Just before and just after the rename that gives the third part its name."""
    engine = exact_engines.OneRound() if exact else normal_mean.MANY_BATCHES
    whole, store = undisturbed(normal_mean, engine), tmp_path / "store"
    how = ["--exact"] * exact + ["--after-rename"] * after_rename
    process = start(normal_mean_command, store, "--threads", 1, "--die-in-put", 2, *how)
    process.communicate(timeout=GIVE_UP)
    assert process.returncode == -signal.SIGKILL
    assert len(FolderStore(store).names("part")) == 2 + after_rename
    assert len(unfinished(store)) == 1 - after_rename
    running = Results(FolderStore(store), "main")  # of a store that nobody has tidied up
    answered = UNIVERSES // whole.batches * (2 + after_rename)
    assert running.status()["answered"] == len(running.table()) == answered
    assert running.draws()["mu"].shape == ((answered, 2, 50) if exact else (answered, 8, 100))
    finish(normal_mean, store, engine)
    assert len(FolderStore(store).names("part")) == whole.batches
    assert_ended_well(store, whole)


@pytest.mark.slow
def test_interrupted_by_ctrl_c(
    normal_mean: ModuleType, normal_mean_command: Command, tmp_path: Path, whole: Whole
) -> None:
    """It stops at once, without waiting for what the other threads do, and loses nothing that was published."""
    store = tmp_path / "store"
    process = start(normal_mean_command, store, "--threads", 2)
    wait_for_a_part(process, store)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=STOPS)
    assert process.returncode == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert 0 < len(parts(store)) < whole.batches
    finish(normal_mean, store, normal_mean.MANY_BATCHES)
    assert_ended_well(store, whole)


@pytest.mark.slow
def test_killed_ten_times_at_random_moments(normal_mean_command: Command, tmp_path: Path, whole: Whole) -> None:
    """Half of the kills come at any moment of starting and planning, half shortly after a part was published.

    A store that is complete before the tenth kill is looked at, and another one begun.
    """
    rng, stores, killed = random.Random(3), 0, 0
    store = tmp_path / "store 0"
    began = time.monotonic()
    assert to_the_end(start(normal_mean_command, tmp_path / "undisturbed"))
    life = time.monotonic() - began
    while killed < KILLS:
        before = parts(store)
        process = start(normal_mean_command, store, "--threads", 1 + killed % 3)
        if killed % 2:
            time.sleep(rng.uniform(0, life))
        else:
            wait_for_a_part(process, store)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=GIVE_UP)
        killed += process.returncode == -signal.SIGKILL
        assert parts(store) >= before  # what was published stays
        if len(parts(store)) == whole.batches:
            assert_ended_well(store, whole)
            stores += 1
            store = tmp_path / f"store {stores}"
    assert to_the_end(start(normal_mean_command, store))
    assert_ended_well(store, whole)


def wait_for_a_part(process: subprocess.Popen[str], store: Path) -> None:
    """Until a part is there that was not, or the process ends."""
    before = parts(store)
    while process.poll() is None and parts(store) == before:
        time.sleep(0.002)


def parts(store: Path) -> set[str]:
    return {path.name for path in (store / "parts").glob("part-*.parquet")}


@pytest.mark.slow
def test_two_processes_on_one_store_answer_each_universe_once(
    normal_mean_command: Command, tmp_path: Path, whole: Whole
) -> None:
    """Both may fit a batch; they publish it under one name."""
    store = tmp_path / "store"
    both = [start(normal_mean_command, store) for _ in range(2)]
    said = [process.communicate(timeout=GIVE_UP)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    results = Results(FolderStore(store), "main")
    assert len(results.table()) == UNIVERSES
    assert results.status()["answered"] == UNIVERSES

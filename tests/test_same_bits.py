"""A universe has the same draws, bit for bit, in any order, company, thread, process and on any number of devices."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.arithmetic import NEWEST_WITHOUT_FUSED, X86, is_fused
from multiverse.executors.local import Local
from multiverse.planning.build import plan
from multiverse.results import Results
from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run

Command = tuple[list[str], dict[str, str]]


def draws_of(results: Results) -> dict[str, dict[str, np.ndarray]]:
    """By universe key and name, all draws that are kept."""
    every = results.draws(["mu", "twice", "log_prior", "log_likelihood"])
    return {str(key): {str(n): every[n].values[i] for n in every} for i, key in enumerate(every["universe"].values)}


def assert_same_draws(some: Results, others: Results, universes: int) -> None:
    a, b = draws_of(some), draws_of(others)
    shared = a.keys() & b.keys()
    assert len(shared) == universes
    for key in shared:
        for name, values in a[key].items():
            np.testing.assert_array_equal(values, b[key][name])


def test_in_another_order_and_a_wider_space(normal_mean: ModuleType, small_run: Results) -> None:
    """Decisions in another order, more options: other blocks, other lanes, other neighbours."""
    wider = normal_mean.study(normal_mean.space(5, 2, 3, backwards=True))
    others = run(wider, engine=normal_mean.QUICK, keep="all")
    assert others.status()["answered"] == 30
    assert_same_draws(small_run, others, 12)


def test_alone(normal_mean: ModuleType, small_run: Results) -> None:
    planned = plan(normal_mean.study(normal_mean.space(3, 2, 2)))
    alone = run(planned.without(set(planned.keys) - {planned.reference}), engine=normal_mean.QUICK, keep="all")
    assert_same_draws(small_run, alone, 1)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_in_any_number_of_threads(normal_mean: ModuleType, small_run: Results, threads: int) -> None:
    study = normal_mean.study(normal_mean.space(3, 2, 2))
    assert_same_draws(small_run, run(study, engine=normal_mean.QUICK, keep="all", executor=Local(threads=threads)), 12)


def short(data: Mapping[str, Any], *, prior: Any, noise: float) -> None:
    """Two scalars and ten rows: a gradient that compilers like to fuse, and not alike in all lanes."""
    mean = numpyro.sample("mean", prior)
    scale = numpyro.sample("scale", dist.HalfNormal(noise))
    with mv.rows(data):
        numpyro.sample("y", dist.StudentT(4.0, mean, scale), obs=data["y"])


@pytest.mark.slow
def test_in_any_lane(normal_mean: ModuleType) -> None:
    """Alone a universe stands in the first lanes of its block, beside others it may stand in the last."""
    study = mv.Study(
        "short",
        data={"y": normal_mean.Y[:10]},
        prepare=normal_mean.prepare,
        model=short,
        estimands={"mean": "mean"},
        space=normal_mean.space(2, 2, 2),
    )
    planned = mv.plan(study)
    (batch,) = normal_mean.QUICK.ask(normal_mean.QUICK.init(planned))
    assert len(batch) * normal_mean.QUICK.chains == 16
    whole = run(planned, engine=normal_mean.QUICK).draws()["mean"]
    for key in (*batch.keys[:2], *batch.keys[-2:]):
        alone = run(planned.without(set(batch.keys) - {key}), engine=normal_mean.QUICK).draws()["mean"]
        np.testing.assert_array_equal(alone.sel(universe=key), whole.sel(universe=key))


def test_nothing_is_fused(small_run: Results) -> None:
    """On x86, where that can be chosen, unless somebody has chosen otherwise."""
    told = small_run.sql("select value from manifest where name = 'fused multiply-add'")["value"].item()
    assert told == ("yes" if is_fused() else "no")
    if platform.machine() in X86 and os.environ["XLA_FLAGS"].endswith(NEWEST_WITHOUT_FUSED):
        assert told == "no"


def test_the_size_of_the_block_is_recorded(small_run: Results) -> None:
    """In a block of another size bits may differ."""
    assert small_run.sql("select distinct block from diagnostics")["block"].tolist() == [8.0]


def in_process(command: Command, store: Path, *arguments: Any) -> FolderStore:
    """Run the study in a process of its own, to the end."""
    told, environment = command
    done = subprocess.run(
        [*told, str(store), *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return FolderStore(store)


@pytest.fixture(scope="module")
def here(normal_mean: ModuleType) -> MemoryStore:
    """What the command of the study gives, in this process: 40 universes."""
    store = MemoryStore()
    run(normal_mean.study(normal_mean.space(5, 2, 4)), store=store, engine=normal_mean.QUICK)
    return store


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2, 4])
def test_in_another_process_on_any_number_of_devices(
    here: MemoryStore, normal_mean_command: Command, tmp_path: Path, devices: int
) -> None:
    there = in_process(normal_mean_command, tmp_path / "store", "--devices", devices)
    assert end_state(there).num_rows == 40
    assert end_state(there).equals(end_state(here))
    count = Results(there, "main").sql("select value from manifest where name = 'device count'")["value"]
    assert count.tolist() == [str(devices)]


def test_another_seed_is_another_run(normal_mean: ModuleType, small_run: Results) -> None:
    study = normal_mean.study(normal_mean.space(3, 2, 2))
    others = draws_of(run(study, engine=replace(normal_mean.QUICK, seed=1), keep="all"))
    assert not any(np.array_equal(values["mu"], others[key]["mu"]) for key, values in draws_of(small_run).items())

"""A study whose files the workers do not have, and machines that cannot do the work: told before, in three lines."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

import multiverse as mv
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import ExecutorError, StoreError
from multiverse.executors.ray_cluster import hello, recruiting
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.loading import load_study
from multiverse.store.folder import FolderStore
from multiverse.testing import ExecutorSuite
from multiverse.testing_executors import PlainWork

pytestmark = pytest.mark.ray

FILES = {
    "trip.py": """
import numpy as np
import trip_helper
from trip_kit import scales
import multiverse as mv

def estimate(data, *, scale, power):
    import trip_later
    data["x"] -= data["x"].mean()  # in place
    if power == 3.0 and scale.by > 1:
        return trip_later.fail(power)
    return trip_later.last(float(trip_helper.squares(data["x"]).mean()) * scale.by, power)

study = mv.Study(
    "trip", data={"x": np.arange(5.0)}, estimate=estimate,
    space=mv.Space(
        scale=mv.decision("data", {"one": scales.Scale(1.0), "two": scales.Scale(2.0)}),
        power=mv.decision("estimator", {"plain": 1.0, "square": 2.0, "cube": 3.0}),
    ),
)
""",
    "trip_helper.py": "squares = lambda x: x**2\n",
    "trip_later.py": """
def last(x, power):
    from trip_kit.inner import exponent
    return x ** exponent(power)

def fail(power):
    raise ValueError(f"no {power:g}")  # the line to be shown
""",
    "trip_kit/__init__.py": "",
    "trip_kit/inner.py": "def exponent(power):\n    return power\n",
    "trip_kit/scales.py": """
from dataclasses import dataclass

@dataclass(frozen=True)
class Scale:
    by: float
""",
}


@pytest.fixture
def trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A study file with modules beside it, loaded as the command does."""
    folder = tmp_path / "trip"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder / "trip.py"
    for name in [name for name in sys.modules if name.startswith("trip")]:
        del sys.modules[name]


def test_a_study_travels_with_its_modules_and_its_lines(
    machines: Any, trip: Path, once_each: Any, tmp_path: Path
) -> None:
    plan = mv.plan(load_study(trip).study)
    assert {program.kind for program in plan.programs} == {"plain"}
    here = mv.run(plan, store=tmp_path / "here")
    executor = Ray(workers=1)
    executor._session()  # it has read the files, and now nobody can
    shutil.rmtree(trip.parent)
    there = mv.run(plan, store=tmp_path / "there", executor=executor)
    assert once_each(there.store).equals(once_each(here.store))
    (failure,) = there.failures().to_dict("records")
    assert failure["message"] == "ValueError: no 3"
    assert 'raise ValueError(f"no {power:g}")  # the line to be shown' in failure["traceback"]


def test_a_model_travels_with_what_it_is_made_of(
    machines: Any, normal_mean: ModuleType, once_each: Any, tmp_path: Path
) -> None:
    offset = 1.0

    def shifted(draws: Any, data: Any, *, noise: float) -> Any:
        import normal_mean

        assert data["y"].shape[0] <= normal_mean.ROWS
        if noise == 3.0:
            raise ArithmeticError("not this one")
        return draws["mu"] + offset

    study = normal_mean.study(normal_mean.space(2, 2, 1), estimands={"mu": "mu", "shifted": shifted})
    plan = mv.plan(study)
    here = mv.run(plan, store=tmp_path / "here", engine=mv.Laplace())
    there = mv.run(plan, store=tmp_path / "there", engine=mv.Laplace(), executor=Ray(workers=1))
    assert once_each(there.store).equals(once_each(here.store))
    assert there.failures()["traceback"].str.contains("this one", regex=False).sum() == 2


@dataclass(frozen=True)
class Small(FolderStore):
    """A store on a disk that has room for three parts."""

    def put(self, kind: str, name: str, table: Any) -> None:
        if kind != "part" or len(self.names("part")) < 3:
            return super().put(kind, name, table)
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with mock.patch("multiverse.store.folder.parquet.write", side_effect=full):
            super().put(kind, name, table)


def test_a_full_disk_ends_the_sweep_and_it_goes_on(
    machines: Any, normal_mean: ModuleType, exact_engines: ModuleType, once_each: Any, tmp_path: Path
) -> None:
    plan, engine = mv.plan(normal_mean.study()), exact_engines.Paused(size=4)
    with pytest.raises(StoreError) as caught:
        mv.run(plan, store=Small(tmp_path / "there"), engine=engine, executor=Ray(workers=1))
    text = str(caught.value)
    assert "No space left on device" in text and "expected: " in text and "goes on where it stopped" in text
    store = FolderStore(tmp_path / "there")
    assert len(parts := store.names("part")) == 3
    mv.run(plan, store=store, engine=engine, executor=Ray(workers=1))
    assert parts <= store.names("part")
    here = mv.run(plan, store=tmp_path / "here", engine=engine)
    assert once_each(store).equals(once_each(here.store))


def test_a_store_in_memory_is_refused(machines: Any, normal_mean: ModuleType) -> None:
    with pytest.raises(StoreError, match="in the memory of this process"):
        mv.run(normal_mean.study(), executor=Ray(workers=1))


DRIVER = os.getpid()


@dataclass(frozen=True)
class Elsewhere(PlainWork):
    """Work that publishes where the driver alone can see it."""

    def landmarks(self) -> frozenset[str]:
        return frozenset({"run-1"}) if os.getpid() == DRIVER else frozenset()


class NeverReadAgain(Exception):
    """An error that pickles, and cannot be made again from its pickle."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


@pytest.fixture
def one(machines: Any) -> Iterator[Ray]:
    executor = Ray(workers=1)
    yield executor
    executor.close()


def nothing(batch: Batch) -> tuple[Outcome, ...]:
    return ()


def test_a_node_that_does_not_see_the_store(one: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hello, "SEEN_SECONDS", 1.0)
    with pytest.raises(ExecutorError, match="does not see the store"):
        list(one.map(Elsewhere(nothing), ExecutorSuite.batches(2)))


def test_a_node_with_other_versions(one: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**hello.versions(), "jax": "0.0.1"}
    monkeypatch.setattr(hello, "versions", lambda: other)
    with pytest.raises(
        ExecutorError, match=r"expected: as here: jax 0\.0\.1\n  mend: on .*: pip install 'jax==0\.0\.1'"
    ):
        list(one.map(PlainWork(nothing), ExecutorSuite.batches(2)))


def test_a_limit_that_holds_no_worker(machines: Any) -> None:
    executor = Ray(workers=1, memory="50MB")
    with pytest.raises(ExecutorError, match="a worker takes .* before it fits anything"):
        list(executor.map(PlainWork(nothing), ExecutorSuite.batches(2)))
    executor.close()


def test_an_error_that_cannot_be_read_again_is_told(one: Ray) -> None:
    def fail(batch: Batch) -> tuple[Outcome, ...]:
        raise NeverReadAgain(507, "insufficient storage")

    with pytest.raises(Exception, match="507: insufficient storage"):
        list(one.map(PlainWork(fail), ExecutorSuite.batches(2)))


def test_an_accelerator_that_jax_does_not_see(machines: Any) -> None:
    executor = Ray(cpus=0, gpus=1)
    with machines.node(num_gpus=1):
        try:
            with pytest.raises(ExecutorError, match=r"JAX sees the platform cpu(.|\n)*pip install 'jax\[cuda12\]'"):
                list(executor.map(PlainWork(nothing), ExecutorSuite.batches(2)))
        finally:
            executor.close()


def test_workers_share_an_accelerator(machines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recruiting, "check", lambda *_, **__: None)  # Ray believes in one that is not there

    def told(batch: Batch) -> tuple[Outcome, ...]:
        time.sleep(0.2)
        names = ("CUDA_VISIBLE_DEVICES", "XLA_PYTHON_CLIENT_MEM_FRACTION", "JAX_PLATFORMS")
        return (Outcome(batch.keys[0], message=json.dumps([os.getpid(), *map(os.environ.get, names)])),)

    executor = Ray(cpus=0, gpus=0.5, cache="")
    with machines.node(num_gpus=1):
        try:
            assert (executor.machines.workers, executor.machines.platform) == (2, "gpu")
            heard = [json.loads(out.message) for _, (out,) in executor.map(PlainWork(told), ExecutorSuite.batches(12))]
        finally:
            executor.close()
    assert len({pid for pid, *_ in heard}) == 2
    assert {tuple(rest) for _, *rest in heard} == {("0", "0.450", None)}

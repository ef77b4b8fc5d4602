"""The settings of the Ray executor, and the errors of clusters, without one."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from multiverse.errors import ExecutorError, PlanError
from multiverse.executors.ray_cluster import cluster
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.executors.ray_cluster.hello import SOURCE, Hello, check, versions
from multiverse.executors.ray_cluster.losses import loss, never_starts
from multiverse.executors.ray_cluster.memory import memory_taken
from multiverse.executors.ray_cluster.tasks import Death

Golden = Callable[[str, str], None]


def test_all_wrong_settings_are_told_at_once(golden: Golden) -> None:
    with pytest.raises(PlanError) as caught:
        Ray(workers=0, cpus=-1, gpus=-1, resources={"x": 0}, memory="much", batch_seconds=0, patience=-1)
    golden("errors/ray_settings.txt", f"{caught.value}\n")


def test_a_worker_takes_something() -> None:
    with pytest.raises(PlanError, match="something that a worker takes"):
        Ray(cpus=0)


@pytest.mark.parametrize(
    ("memory", "size"), [("4GB", 2**32), ("600 MiB", 600 * 2**20), ("1.5g", 3 * 2**29), (1000, 1000), (None, None)]
)
def test_memory_is_read(memory: Any, size: int | None) -> None:
    assert Ray(memory=memory).memory_bytes == size


def test_what_a_worker_takes_has_the_names_of_ray() -> None:
    ray = Ray(cpus=2, gpus=0.25, resources={"big": 1}, memory="1GB")
    assert ray.need() == {"CPU": 2.0, "GPU": 0.25, "memory": 2.0**30, "big": 1}
    options = ray.options()
    assert (options["num_cpus"], options["num_gpus"], options["memory"]) == (2, 0.25, 2**30)
    assert options["max_restarts"] == options["max_task_retries"] == 0


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    has = [{"CPU": 4.0}, {"CPU": 3.0, "GPU": 0.6}]
    told = [{"Alive": True, "Resources": node} for node in has] + [{"Alive": False, "Resources": {"CPU": 64.0}}]
    monkeypatch.setattr(cluster, "imported", lambda: SimpleNamespace(nodes=lambda: told))


@pytest.mark.parametrize(("need", "room"), [({"CPU": 2.0}, 3), ({"CPU": 0.5, "GPU": 0.2}, 3), ({"GPU": 1.0}, 0)])
def test_room_is_counted_node_by_node(nodes: None, need: dict[str, float], room: int) -> None:
    assert cluster.room(need) == room


def test_no_node_is_large_enough(nodes: None, monkeypatch: pytest.MonkeyPatch, golden: Golden) -> None:
    from multiverse.executors.ray_cluster import executor

    monkeypatch.setattr(executor, "connect", lambda address: None)
    with pytest.raises(ExecutorError) as caught:
        _ = Ray(cpus=8, gpus=1).machines
    golden("errors/ray_no_room.txt", f"{caught.value}\n")
    assert Ray(cpus=8, gpus=1, workers=3).machines.workers == 3  # nodes may be on their way


def test_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch, golden: Golden) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorError) as caught:
        _ = Ray().machines
    golden("errors/ray_not_installed.txt", f"{caught.value}\n")


def test_nobody_listens_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "imported", lambda: SimpleNamespace(is_initialized=lambda: False))
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ExecutorError) as caught:
        cluster.connect(where)
    (problem,) = caught.value.problems
    assert problem.what.startswith(f"there is no Ray cluster at {where}: ")
    assert "ray start --head" in problem.mend


@pytest.mark.parametrize(
    ("said", "told"),
    [("Version mismatch: 2.50.0", "has other versions"), ("Unauthenticated: invalid token", "does not let this")],
)
def test_a_cluster_refuses(said: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        raise ConnectionError(said)

    monkeypatch.setattr(cluster, "imported", lambda: SimpleNamespace(is_initialized=lambda: False, init=init))
    with pytest.raises(ExecutorError, match=told):
        cluster.connect("auto")
    assert cluster.ATTEMPTS not in cluster.os.environ


def here(**changes: Any) -> Hello:
    return Hello("n7", "node", 1, versions(), memory_taken(), ())._replace(**changes)


def test_a_worker_that_is_as_this_process_is_welcome() -> None:
    check(here(), "runs/radon", memory=None)


def test_a_worker_that_cannot_do_the_work(golden: Golden) -> None:
    told = []
    for other, memory in [
        (here(versions={**versions(), "jax": "0.1", "python": "2.7"}), None),
        (here(versions={**versions(), SOURCE: "other"}), None),
        (here(missing=("a", "b")), None),
        (here(missing=("a",), trouble="Access Denied"), None),
        (here(memory=400 * 2**20), 300 * 2**20),
    ]:
        with pytest.raises(ExecutorError) as caught:
            check(other, "runs/radon", memory)
        text = str(caught.value)
        for name in ("jax", "python"):
            text = text.replace(f"{name} {versions()[name]}", f"{name} OURS").replace(f"=={versions()[name]}", "==OURS")
        told.append(text.replace(f"multiverse {versions()['multiverse']}", "multiverse OURS"))
    golden("errors/ray_workers.txt", "\n\n".join(told) + "\n")


def test_memory_of_processes_that_were_started_counts() -> None:
    size = 100 * 2**20
    before = memory_taken()
    code = f"x = b'x' * {size}; print('there', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"there\n"
        during = memory_taken()
        child.kill()
    assert before > 0
    if sys.platform == "linux":
        assert during > before + size


def test_what_is_said_of_losses() -> None:
    errors = pytest.importorskip("ray.exceptions")
    out = loss(errors.OutOfMemoryError("Task was killed due to the node running low on memory. " * 20))
    assert out == (Death.crash, "its node ran out of memory, and Ray killed it")
    cut = errors.ActorUnavailableError("RPC error: Socket closed", None)
    assert loss(cut).death is Death.chance
    assert "pip install 'multiverse[ray]'" in never_starts("No module named 'multiverse'").mend

"""The settings of the Ray executor, and the errors of clusters, without one."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from multiverse.cli.executor_options import chosen_executor
from multiverse.errors import ExecutorError, PlanError
from multiverse.executors.ray_cluster import cluster
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.executors.ray_cluster.hello import SOURCE, Hello, check, versions
from multiverse.executors.ray_cluster.losses import by_chance, loss, never_starts
from multiverse.executors.ray_cluster.memory import memory_taken
from multiverse.executors.ray_cluster.tasks import Death

Golden = Callable[[str, str], None]


def test_all_wrong_settings_are_told_at_once(golden: Golden) -> None:
    with pytest.raises(PlanError) as caught:
        Ray(
            workers=0,
            cpus=-1,
            gpus=-1,
            resources={"x": 0},
            memory="much",
            batch_seconds=0,
            patience=-1,
            cache=cast(Any, 1),
        )
    golden("errors/ray_settings.txt", f"{caught.value}\n")


@pytest.mark.parametrize(
    ("wrong", "expected", "mend"),
    [
        ({"cpus": "2"}, "a number of cores", "Ray(cpus=1) (--cpus 1)"),
        ({"cpus": 0.00001}, "a number of cores: 0, or at least 0.0001", "Ray(cpus=1) (--cpus 1)"),
        ({"cpus": float("nan")}, "a number of cores", "Ray(cpus=1) (--cpus 1)"),
        ({"gpus": 1.5}, "or whole ones", "Ray(gpus=0.25) (--gpus 0.25)"),
        ({"workers": 2.5}, "a whole number", "Ray(workers=8) (--workers 8)"),
        ({"memory": "4 parsecs"}, "bytes, or a text as '4GB'", "Ray(memory='4GB') (--memory 4GB)"),
        ({"memory": [4]}, "bytes, or a text as '4GB'", "Ray(memory='4GB') (--memory 4GB)"),
        ({"resources": {"big": "1"}}, "amounts by name", "Ray(resources={'big': 1}) (--resource big=1)"),
        ({"resources": ["big"]}, "amounts by name", "Ray(resources={'big': 1}) (--resource big=1)"),
        ({"resources": {"GPU": 0.5}}, "Ray's own GPU is the setting gpus", "Ray(gpus=0.5) (--gpus 0.5)"),
        ({"resources": {"CPU": 2}}, "Ray's own CPU is the setting cpus", "Ray(cpus=2) (--cpus 2)"),
        ({"patience": None}, "0 or more seconds", "Ray(patience=300) (--patience 300)"),
        ({"address": 6379}, "'host:6379'", "Ray(address='auto') (--address auto)"),
    ],
)
def test_what_ray_would_refuse_later_is_told_before(wrong: dict[str, Any], expected: str, mend: str) -> None:
    with pytest.raises(PlanError) as caught:
        Ray(**wrong)
    (problem,) = caught.value.problems
    assert expected in problem.expected and problem.mend == mend


@pytest.mark.parametrize(("name", "wrong", "mend"), [("memory", "abc", "--memory 4GB"), ("cpus", 0.0, "--cpus 1")])
def test_a_mistake_of_the_command_is_mended_there(name: str, wrong: Any, mend: str) -> None:
    with pytest.raises(PlanError) as caught:
        chosen_executor({"executor": "ray", name: wrong})
    assert mend in caught.value.problems[0].mend


def test_workers_compute_as_jax_does_here() -> None:
    import jax

    told = Ray().told()
    assert told.jax["jax_enable_x64"] is False and told.jax["jax_default_prng_impl"] == "threefry2x32"
    with jax.default_matmul_precision("float32"), jax.enable_x64(True):
        told = Ray().told()
    assert told.jax["jax_enable_x64"] is True and told.jax["jax_default_matmul_precision"] == "float32"
    assert Ray(cache="there").told().cache == "there"


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


def test_a_head_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def busy() -> list[Any]:
        asked.append(1)
        if len(asked) % 3:
            raise TimeoutError("deadline exceeded")
        return [{"Alive": True, "Resources": {"CPU": 4.0}}]

    monkeypatch.setattr(cluster, "imported", lambda: SimpleNamespace(nodes=busy))
    monkeypatch.setattr(cluster, "ASK_AGAIN_SECONDS", 0.0)
    assert cluster.room({"CPU": 1.0}) == 4 and len(asked) == 3
    with pytest.raises(ExecutorError, match="head of the Ray cluster does not answer: deadline exceeded"):
        cluster.room({"CPU": 1.0}, asked=2)


@pytest.mark.parametrize("asked", [None, "auto", "local", "10.7.7.7:6379", "127.0.0.1:6379"])
def test_the_cluster_that_is_there_is_taken(asked: str | None, joined: None) -> None:
    cluster.connect(asked)


@pytest.mark.parametrize("asked", ["10.7.7.8:6379", "10.7.7.7:6380", "127.0.0.1:6380"])
def test_another_cluster_than_the_one_that_is_there_is_refused(asked: str, joined: None) -> None:
    with pytest.raises(ExecutorError, match=f"at 10.7.7.7:6379, not to {asked}.") as caught:
        cluster.connect(asked)
    assert caught.value.problems[0].mend.startswith("ray.shutdown()")


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is connected to the cluster whose head is this machine, 10.7.7.7."""
    context = SimpleNamespace(gcs_address="10.7.7.7:6379")
    util = SimpleNamespace(get_node_ip_address=lambda: "10.7.7.7")
    ray = SimpleNamespace(is_initialized=lambda: True, get_runtime_context=lambda: context, util=util)
    monkeypatch.setattr(cluster, "imported", lambda: ray)


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
    [
        ("Version mismatch: 2.50.0", "has other versions"),
        ("Unauthenticated: invalid token", "does not let this"),
        ("Authentication token is missing or incorrect", "does not let this"),
        ("broken pipe in a conversion", "there is no Ray cluster"),
        ("Failed to connect to Ray cluster", "(?s)there is no Ray cluster.*RAY_AUTH_TOKEN"),
    ],
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
    check(here(platform="gpu"), "runs/radon", memory=None, accelerator=True)


def test_a_worker_that_cannot_do_the_work(golden: Golden) -> None:
    told = []
    for other, memory, accelerator in [
        (here(versions={**versions(), "jax": "0.1", "python": "2.7"}), None, False),
        (here(versions={**versions(), SOURCE: "other"}), None, False),
        (here(missing=("a", "b")), None, False),
        (here(missing=("a",), trouble="Access Denied"), None, False),
        (here(memory=400 * 2**20), 300 * 2**20, False),
        (here(platform="cpu"), None, True),
        (here(platform="none: Unable to initialize backend 'cuda'"), None, True),
    ]:
        with pytest.raises(ExecutorError) as caught:
            check(other, "runs/radon", memory, accelerator=accelerator)
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
    assert loss(errors.RuntimeEnvSetupError("no image")).death is Death.crash
    assert loss(errors.ActorUnschedulableError("no such node")).death is Death.crash


def test_what_ray_did_not_bring_is_chance() -> None:
    errors = pytest.importorskip("ray.exceptions")

    def raised(cause: Exception) -> Any:
        return SimpleNamespace(cause=cause)

    assert by_chance(raised(errors.ObjectLostError("00", None, "")), errors)
    assert by_chance(raised(errors.GetTimeoutError()), errors)
    assert not by_chance(raised(ValueError()), errors)
    assert not by_chance(raised(errors.RayError("an error without a pickle")), errors)
    assert not by_chance(raised(errors.RaySystemError("no such module")), errors)


def test_why_none_starts() -> None:
    assert "pip install 'multiverse[ray]'" in never_starts("No module named 'multiverse'").mend

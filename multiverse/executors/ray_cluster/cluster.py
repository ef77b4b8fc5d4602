"""The Ray cluster that a process is connected to: joined, or started on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final

from multiverse.cores import cores
from multiverse.errors import ExecutorError, Problem

ADDRESS_VARIABLE: Final = "RAY_ADDRESS"  # Ray's own: the cluster to join where no address is given
LOCAL: Final = "local"
REACH_SECONDS: Final = 5.0  # to wait for the machine at an address; Ray itself waits for minutes where nobody listens
ATTEMPTS: Final = "RAY_gcs_server_port_wait_time_s"  # Ray's own: how often it tries to join, 20 times of up to 40 s


def connect(address: str | None) -> None:
    """Connect this process to a cluster; does nothing where it is connected already.

    address: of its head, "auto" for the one that this machine is part of, None for the one that RAY_ADDRESS names, or
    else one of its own on this machine. Raises ExecutorError where Ray is not installed or the cluster not reached.
    """
    ray = imported()
    if ray.is_initialized():
        return
    where = address or os.environ.get(ADDRESS_VARIABLE) or LOCAL
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if where == LOCAL:
        quiet |= {"num_cpus": cores(), "include_dashboard": False}
    try:
        _reach(where)
        # JAX warns of forks; what Ray starts here is another program at once.
        with _once(where), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="os.fork", category=RuntimeWarning)
            ray.init(address=where, **quiet)
        _hush(ray)
    except Exception as error:
        raise ExecutorError(_not_reached(where, error)) from error


def imported() -> Any:
    """Ray. Raises ExecutorError where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise ExecutorError(
            Problem("Ray is not installed.", "the package ray", "pip install 'multiverse[ray]'")
        ) from error
    return ray


def room(need: Mapping[str, float]) -> int:
    """How many workers with these needs all nodes of the cluster have room for, were it empty."""
    return sum(_fit(node, need) for node in _nodes())


def no_room(need: Mapping[str, float]) -> Problem:
    """No node that is there now is large enough for a worker with these needs."""
    nodes = [", ".join(f"{name} {node.get(name, 0):g}" for name in need) for node in _nodes()]
    takes = ", ".join(f"{name} {amount:g}" for name, amount in need.items())
    return Problem(
        f"no node of the cluster has room for a worker, which takes {takes}.",
        "a node that has as much; they have " + " | ".join(nodes),
        "ask for less, or add a node; where nodes are added as they are asked for, say how many workers: "
        "Ray(workers=8), --workers 8",
    )


def _nodes() -> list[Mapping[str, float]]:
    """What each node has, be it free or not."""
    with contextlib.suppress(Exception):  # the head is busy: asked again soon
        return [node["Resources"] for node in imported().nodes() if node["Alive"]]
    return []


def _fit(node: Mapping[str, float], need: Mapping[str, float]) -> int:
    return int(min(node.get(name, 0.0) / amount + 1e-9 for name, amount in need.items()))  # 0.6 / 0.2 is 2.99...


def _reach(where: str) -> None:
    """Raise OSError where nobody listens at an address."""
    host, _, port = where.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()


@contextlib.contextmanager
def _once(where: str) -> Iterator[None]:
    """Let Ray try once to join a cluster: somebody listens there, and whoever is no Ray now will be none later."""
    if where == LOCAL or ATTEMPTS in os.environ:
        yield
        return
    os.environ[ATTEMPTS] = "1"
    try:
        yield
    finally:
        del os.environ[ATTEMPTS]


def _hush(ray: Any) -> None:
    """Keep Ray from printing pages of logs for each death: who waits is told by `Executor.note`, in a few words."""
    worker: Any = getattr(getattr(ray, "_private", None), "worker", None)
    if worker is not None and hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _not_reached(where: str, error: Exception) -> Problem:
    said = " ".join(str(error).split())
    if "ersion" in said:
        return Problem(
            f"the cluster at {where} has other versions: {said}",
            "the same Ray and Python on all machines",
            "install what the cluster has, or use one container image for all",
        )
    if "oken" in said or "nauthenticated" in said or "nauthorized" in said:
        return Problem(
            f"the cluster at {where} does not let this process in: {said}",
            "the token of the cluster: all its machines share it",
            "copy ~/.ray/auth_token from the head, or set RAY_AUTH_TOKEN",
        )
    return Problem(
        f"there is no Ray cluster at {where}: {said}",
        "the address of the head of a running cluster, as host:6379",
        "start one with `ray start --head`, or leave the address out: then this machine is used",
    )

"""The Ray cluster that a process is connected to: joined, or started on this machine."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final

from multiverse.cores import cores
from multiverse.errors import ExecutorError, Problem

ADDRESS_VARIABLE: Final = "RAY_ADDRESS"  # Ray's own: the cluster to join where no address is given
LOCAL: Final = "local"
REACH_SECONDS: Final = 5.0  # to wait for the machine at an address; Ray itself waits for minutes where nobody listens
ASKED: Final = 5  # times that a busy head is asked of its nodes
ASK_AGAIN_SECONDS: Final = 1.0
ATTEMPTS: Final = "RAY_gcs_server_port_wait_time_s"  # Ray's own: how often it tries to join, 20 times of up to 40 s

_OTHER: Final = re.compile(r"\bversions? mismatch", re.IGNORECASE)  # Ray's words
_NO_ENTRY: Final = re.compile(r"\b(tokens?|unauthenticated|unauthorized)\b", re.IGNORECASE)

_joined: dict[str, str] = {}  # by the address that was asked for, as Ray names the cluster that was joined


def connect(address: str | None) -> None:
    """Connect this process to a cluster; where it is connected already, that must be the one that is asked for.

    address: of its head, "auto" for the one that this machine is part of, None for the one that RAY_ADDRESS names, or
    else one of its own on this machine. Raises ExecutorError where Ray is not installed, the cluster not reached, or
    this process connected to another one.
    """
    ray = imported()
    if ray.is_initialized():
        _must_be(address, ray.get_runtime_context().gcs_address)
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
        _joined[where] = ray.get_runtime_context().gcs_address
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


def room(need: Mapping[str, float], *, asked: int = ASKED) -> int:
    """How many workers with these needs all nodes of the cluster have room for, were it empty.

    asked: how often a head that does not answer is asked; ExecutorError where it never does.
    """
    return sum(_fit(node, need) for node in _nodes(asked))


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


def _nodes(asked: int = ASKED) -> list[Mapping[str, float]]:
    """What each node has, be it free or not."""
    while True:
        try:
            return [node["Resources"] for node in imported().nodes() if node["Alive"]]
        except Exception as error:  # the head is busy, or gone
            if (asked := asked - 1) <= 0:
                raise ExecutorError(_no_answer(error)) from error
            time.sleep(ASK_AGAIN_SECONDS)


def _must_be(asked: str | None, here: str) -> None:
    """Raise ExecutorError where this process is connected to another cluster than it is asked to use."""
    known = asked in (None, "auto", LOCAL) or _joined.get(str(asked)) == here
    if known or _meant(str(asked)) & _meant(here):
        return
    raise ExecutorError(
        Problem(
            f"this process is connected to the Ray cluster at {here}, not to {asked}.",
            "one cluster at a time in a process",
            f"ray.shutdown() before it, or Ray(address='auto') (--address auto) for the one at {here}",
        )
    )


def _meant(address: str) -> set[str]:
    """An address as it is written, and as numbers; of this machine, also as others see it."""
    host, _, port = address.rpartition(":")
    meant = {address}
    with contextlib.suppress(OSError, ValueError):
        found = {str(one[4][0]) for one in socket.getaddrinfo(host.strip("[]"), int(port))}
        if any(ipaddress.ip_address(one).is_loopback for one in found):
            found.add(imported().util.get_node_ip_address())
        meant |= {f"{one}:{port}" for one in found}
    return meant


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


def _no_answer(error: Exception) -> Problem:
    return Problem(
        f"the head of the Ray cluster does not answer: {' '.join(str(error).split()) or type(error).__name__}",
        "a head that tells of its nodes",
        "see whether it runs (`ray status` on its machine), then give the same command again: it goes on",
    )


def _not_reached(where: str, error: Exception) -> Problem:
    said = " ".join(str(error).split())
    if _OTHER.search(said):
        return Problem(
            f"the cluster at {where} has other versions: {said}",
            "the same Ray and Python on all machines",
            "install what the cluster has, or use one container image for all",
        )
    if _NO_ENTRY.search(said):
        return Problem(
            f"the cluster at {where} does not let this process in: {said}",
            "the token of the cluster: all its machines share it",
            "copy ~/.ray/auth_token from the head, or set RAY_AUTH_TOKEN",
        )
    return Problem(
        f"there is no Ray cluster at {where}: {said}",
        "the address of the head of a running cluster, as host:6379",
        "start one with `ray start --head`, or leave the address out: then this machine is used; if it runs and has a "
        "token, copy ~/.ray/auth_token from the head, or set RAY_AUTH_TOKEN",
    )

"""The Ray cluster that a process is connected to: joined, or started on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any, Final

from multiverse.cores import cores
from multiverse.errors import ExecutorError, Problem

ADDRESS_VARIABLE: Final = "RAY_ADDRESS"  # Ray's own: the cluster to join where no address is given
LOCAL: Final = "local"


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
        with warnings.catch_warnings():  # JAX warns of forks; what Ray starts here is another program at once
            warnings.filterwarnings("ignore", message="os.fork", category=RuntimeWarning)
            ray.init(address=where, **quiet)
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
    there: Mapping[str, float] = {}
    with contextlib.suppress(Exception):  # the head is busy: asked again soon
        there = imported().cluster_resources()
    return int(min(there.get(name, 0.0) / amount for name, amount in need.items() if amount > 0))


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

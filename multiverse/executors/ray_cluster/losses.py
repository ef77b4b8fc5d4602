"""How a process was lost, from what Ray says of it; and why none starts.

Measured (Ray 2.60): a killed process is told at once, and so is a node that is shut down. A node that is cut off is
told after 3 s, as an actor that is not available, and only after 15 s as a dead node.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from multiverse.errors import Problem
from multiverse.executors.ray_cluster.cluster import imported
from multiverse.executors.ray_cluster.tasks import Death

_NODE_LOST = ("node has died", "node was terminated")  # in what Ray says of an actor that is no more
_MARKS = ("Worker exit detail: ", "The actor is dead because ", "The actor died because of ", "The actor died because ")


_ADDRESS = re.compile(r"\bip=([^,\s)]+)")  # in the traceback of a RayTaskError
_REFUSED = ("RuntimeEnvSetupError", "ActorUnschedulableError")  # of Ray: what was asked for is never there


class Loss(NamedTuple):
    """Whether the universes may be to blame, and what was seen."""

    death: Death
    said: str


def loss(error: Any) -> Loss:
    """What a call of a worker that did not end well tells. error: a RayError, but of what the call itself raised."""
    errors = imported().exceptions
    if isinstance(error, errors.OutOfMemoryError):
        return Loss(Death.crash, "its node ran out of memory, and Ray killed it")
    if isinstance(error, errors.ActorDiedError):
        chance = error.preempted or any(mark in str(error) for mark in _NODE_LOST)
        return Loss(Death.chance if chance else Death.crash, said(error))
    if type(error).__name__ in _REFUSED:
        return Loss(Death.crash, said(error))
    return Loss(Death.chance, said(error))


def by_chance(error: Any, errors: Any) -> bool:
    """Whether a call raised since Ray did not bring what it needs, as where a node was lost. errors: ray.exceptions.

    Not so a RayError that stands for one without a pickle, a RaySystemError, as of a pickle that is not read, and what
    a task of a person's own raised.
    """
    others = (errors.RaySystemError, errors.RayTaskError)
    return (
        isinstance(error.cause, errors.RayError)
        and type(error.cause) is not errors.RayError
        and not isinstance(error.cause, others)
    )


def host_of(error: Any) -> str:
    """The address of the machine on which a call raised."""
    found = _ADDRESS.search(str(error))
    return found[1] if found else "a node"


def said(error: Exception) -> str:
    """What Ray says of a death, in one line: its own account, without the names of its parts."""
    text = " ".join(str(error).split())
    for mark in _MARKS:
        if mark in text:
            return text.rpartition(mark)[2].partition(" Some common causes")[0]
    return text


def never_starts(told: str) -> Problem:
    """Workers die before they say hello. told: of what."""
    if "No module named 'multiverse" in told:
        return Problem(
            "multiverse is not installed on a node of the cluster.",
            "the same version as here, on every node",
            "pip install 'multiverse[ray]' there, or use the container image of deploy/containers",
        )
    return Problem(
        f"no worker starts: {told}",
        "processes that import multiverse",
        "run `python -c 'import multiverse'` on a node, in the environment in which Ray was started",
    )


def gone(error: Exception) -> Problem:
    """Ray itself does not answer the driver, or has no room for what it sends."""
    if type(error).__name__ in ("ObjectStoreFullError", "OutOfDiskError"):
        return Problem(
            f"Ray has no room for what is sent to workers: {said(error)}",
            "memory for the data of the study, in the object store of the machine that runs it",
            "start Ray with more, as in `ray start --object-store-memory 4000000000`; the same command goes on",
        )
    return Problem(
        f"the cluster is gone: {said(error)}",
        "a cluster that answers until all is done; what was answered is in the store",
        "start the cluster again; the same command goes on where this one ended",
    )

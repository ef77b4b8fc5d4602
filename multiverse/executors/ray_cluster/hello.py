"""What a worker says of itself before it is given work, and what must not differ from the driver."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import socket
import time
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

from multiverse.errors import ExecutorError, Problem
from multiverse.executors.executor import Work
from multiverse.executors.ray_cluster.memory import memory_taken

MUST_AGREE: Final = ("multiverse", "jax", "jaxlib", "numpyro", "numpy", "scipy", "pandas", "pyarrow", "cloudpickle")
SOURCE: Final = "multiverse, its source"
SEEN_SECONDS: Final = 60.0  # that a shared disk may show a folder as it was: acdirmax of nfs(5), its default
LOOK_SECONDS: Final = 1.0  # between looks, until then
_ROOM: Final = 2**30  # bytes that a batch of a small study takes, and more


class Asked(NamedTuple):
    """What a worker is asked.

    work: some of what is to come. landmarks: those that the driver sees. seconds: until it has to see them.
    accelerator: whether it was given one, or a share.
    """

    work: Work
    landmarks: frozenset[str]
    seconds: float
    accelerator: bool


class Hello(NamedTuple):
    """What a worker says.

    host: its name. node: the id that Ray gave its machine. memory: bytes that it takes before it fits anything.
    missing: landmarks of the work that it does not see; trouble: why not. platform: on which JAX computes, as "gpu", or
    why on none; empty where nobody asked.
    """

    host: str
    node: str
    pid: int
    versions: Mapping[str, str]
    memory: int
    missing: tuple[str, ...]
    trouble: str = ""
    platform: str = ""


def hello(asked: Asked) -> Hello:
    """Said by a worker: at once, or when it sees all landmarks."""
    import ray

    missing, trouble = _unseen(asked)
    computes = _platform() if asked.accelerator else ""
    node = ray.get_runtime_context().get_node_id()
    return Hello(socket.gethostname(), node, os.getpid(), versions(), memory_taken(), missing, trouble, computes)


def _unseen(asked: Asked) -> tuple[tuple[str, ...], str]:
    """Landmarks that this process does not see, and why not."""
    until = time.monotonic() + asked.seconds
    while True:
        try:
            missing = asked.landmarks - asked.work.landmarks()
        except Exception as error:  # a bucket without credentials, a folder that may not be read
            return tuple(sorted(asked.landmarks)), str(error)
        if not missing or time.monotonic() >= until:
            return tuple(sorted(missing)), ""
        time.sleep(LOOK_SECONDS)


def _platform() -> str:
    import jax

    try:
        return str(jax.default_backend())
    except RuntimeError as error:  # one was named, and does not start
        return f"none: {error}"


@functools.cache
def versions() -> Mapping[str, str]:
    """The versions of this process that decide what is computed, and what pickles mean."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in MUST_AGREE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {**found, SOURCE: _source()}


def check(one: Hello, place: str, memory: int | None, *, accelerator: bool = False) -> None:
    """Raise ExecutorError where a worker cannot do the work.

    place: of the store; memory: bytes that it may take; accelerator: whether it was given one, or a share.
    """
    without = _without_accelerator(one) if accelerator else ()
    if problems := [*_other_versions(one), *_lost(one, place), *_too_large(one, memory), *without]:
        raise ExecutorError(problems)


def _other_versions(one: Hello) -> Iterable[Problem]:
    mine = versions()
    other = [name for name in mine if one.versions.get(name) != mine[name]]
    told = [name for name in other if name != SOURCE]
    if told:
        theirs = ", ".join(f"{name} {one.versions.get(name, 'unknown')}" for name in told)
        packages = " ".join(f"'{name}=={mine[name]}'" for name in told)
        mend = f"on {one.host}: pip install {packages}"
        if "python" in told:
            mend = "use one container image, or one environment, on all machines"
        yield Problem(
            f"the node {one.host} has {theirs}.", f"as here: {', '.join(f'{name} {mine[name]}' for name in told)}", mend
        )
    elif other:
        yield Problem(
            f"the node {one.host} has another multiverse {mine['multiverse']}: its source differs.",
            "the same source as here",
            f"install the same commit on {one.host}, or use one container image for all",
        )


def _lost(one: Hello, place: str) -> Iterable[Problem]:
    if one.missing:
        yield Problem(
            f"the node {one.host} does not see the store {place}" + (f": {one.trouble}" if one.trouble else "."),
            "a place that all nodes reach: a shared disk, under the same path, or an address",
            "name one: --store /shared/radon, or --store s3://bucket/radon with credentials on every node",
        )


def _too_large(one: Hello, memory: int | None) -> Iterable[Problem]:
    if memory is not None and one.memory >= memory:
        yield Problem(
            f"a worker takes {one.memory / 2**20:.0f} MiB before it fits anything; memory={memory / 2**20:.0f} MiB "
            "leaves no room for a universe.",
            "a limit that holds Python, JAX and a batch",
            f"Ray(memory='{-(-(one.memory + _ROOM) // 2**30)}GB')",
        )


def _without_accelerator(one: Hello) -> Iterable[Problem]:
    """On cores alone it would publish other bits than its like, and slowly."""
    if one.platform == "cpu" or one.platform.startswith("none"):
        yield Problem(
            f"a worker on the node {one.host} was given a share of an accelerator, and JAX sees the platform "
            f"{' '.join(one.platform.split())}.",
            "a JAX built for the accelerator, and a driver that works",
            f"on {one.host}: pip install 'jax[cuda12]', and see that `nvidia-smi` lists it; or run with Ray(gpus=0)",
        )


def _source() -> str:
    """A hash of the source of this package: two commits may bear one version."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]

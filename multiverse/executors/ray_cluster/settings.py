"""What the settings of the Ray executor must be: Ray itself would refuse them one by one, and after planning."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from multiverse.errors import Problem

if TYPE_CHECKING:
    from multiverse.executors.ray_cluster.executor import Ray

LEAST: Final = 0.0001  # of a resource: Ray counts in ten thousandths
OWN: Final = {"CPU": "cpus", "GPU": "gpus", "memory": "memory", "object_store_memory": "memory"}  # Ray's names; ours
UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}  # bytes, as Slurm and Kubernetes count them
_MEMORY: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", re.IGNORECASE)


def size_of(memory: Any) -> int | None:
    """Bytes, or a text such as "4GB", in bytes; None for what is neither."""
    if not isinstance(memory, str):
        return int(memory) if _number(memory) and memory >= 1 else None
    found = _MEMORY.fullmatch(memory)
    size = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    return size or None


def wrong_settings(ray: Ray) -> Iterator[Problem]:
    """All mistakes in the settings of an executor."""
    for name, (right, expected, example, typed) in _MUST.items():
        if not right(value := getattr(ray, name)):
            yield Problem(f"the Ray executor has {name}={value!r}.", expected, f"Ray({name}={example}) ({typed})")
    if ray.cpus == 0 and ray.gpus == 0 and not ray.resources:
        yield Problem(
            "the Ray executor has cpus=0, and no other resource.",
            "something that a worker takes",
            "Ray(cpus=1) (--cpus 1)",
        )
    resources: Any = ray.resources
    for name in (one for one in OWN if isinstance(resources, Mapping) and one in resources):
        setting, amount = OWN[name], resources[name]
        yield Problem(
            f"the Ray executor has resources={{{name!r}: {amount!r}}}.",
            f"resources of your own; Ray's own {name} is the setting {setting}",
            f"Ray({setting}={amount!r}) (--{setting} {amount})",
        )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _amount(value: Any) -> bool:
    """What Ray can count."""
    return _number(value) and (value == 0 or value >= LEAST)


def _resources(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and bool(name) and _amount(amount) and amount > 0 for name, amount in value.items()
    )


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str)


_MUST: Final[Mapping[str, tuple[Callable[[Any], bool], str, str, str]]] = {
    # by name: what is right, in words, an example, and how it is typed
    "address": (
        lambda v: _text(v) and v != "",
        "the head of a cluster as 'host:6379', 'auto', or None",
        "'auto'",
        "--address auto",
    ),
    "workers": (
        lambda v: v is None or (_number(v) and v >= 1 and v == int(v)),
        "a whole number, at least 1, or None for all there is room for",
        "8",
        "--workers 8",
    ),
    "cpus": (_amount, f"a number of cores: 0, or at least {LEAST}", "1", "--cpus 1"),
    "gpus": (
        lambda v: _amount(v) and (v <= 1 or v == int(v)),
        f"a number of accelerators: 0, a share of one that is at least {LEAST}, or whole ones",
        "0.25",
        "--gpus 0.25",
    ),
    "resources": (_resources, f"amounts by name, each at least {LEAST}", "{'big': 1}", "--resource big=1"),
    "memory": (
        lambda v: v is None or size_of(v) is not None,
        "bytes, or a text as '4GB'",
        "'4GB'",
        "--memory 4GB",
    ),
    "batch_seconds": (
        lambda v: v is None or (_number(v) and v > 0),
        "more than 0 s, or None",
        "20",
        "--batch-seconds 20",
    ),
    "patience": (lambda v: _number(v) and v >= 0, "0 or more seconds", "300", "--patience 300"),
    "cache": (
        _text,
        "a folder on the nodes as text, or None",
        "'/shared/compiled'",
        "MULTIVERSE_CACHE=/shared/compiled",
    ),
}

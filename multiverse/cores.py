"""How many cores this process may use."""

from __future__ import annotations

import os

_allowed: list[int] = []


def cores() -> int:
    """The cores the scheduler lets this process run on: on a shared machine fewer than there are."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([there, *_allowed])


def allow(count: int) -> None:
    """Use no more cores than these in this process: others work beside it on the same machine."""
    _allowed[:] = [count]

"""How many cores this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """The cores the scheduler lets this process run on: on a shared machine fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

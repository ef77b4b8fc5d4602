"""A share of memory that this process keeps to, whatever it is asked to make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")  # sizes in pages; the sixth is data, as RLIMIT_DATA counts it (proc(5))


@contextmanager
def held_memory(more: int) -> Iterator[None]:
    """Within it this process may take so many bytes more than it has; then its allocations fail, and not the machine.

    DuckDB counts what its operators hold against its own limit, but not a text that a function makes. Only where the
    kernel says what a process has, and keeps to such a limit: elsewhere (macOS, Windows) it does nothing.
    """
    if not _STATM.exists():
        yield
        return
    import resource

    used = int(_STATM.read_text().split()[5]) * resource.getpagesize()
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = used + more
    if before != resource.RLIM_INFINITY:
        allowed = min(allowed, before)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))

"""What a question in SQL may take at most: memory, time, and room for its answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY: Final = "50%"  # of the machine's memory; ours: DuckDB's own 80 % leaves too little for a sweep that runs beside
SECONDS: Final = 300.0  # ours: all draws of 100,000 universes are read in some ten seconds
ANSWER: Final = 2 * 2**30  # bytes of a DataFrame; ours: draws of one estimand of 100,000 universes take a quarter of it
GRACE: Final = 5.0  # seconds in which DuckDB has to hear that it is interrupted; ours: it does in milliseconds, mostly


class TimeLimit:
    """So many seconds of DuckDB's work on one connection; what its reader does in between does not count.

    DuckDB hears an interruption between two batches of rows, not within one call of a function: a text of gigabytes is
    made to its end. Where it has not heard within `GRACE`, `stuck` is called, if given: it may end this process.
    """

    def __init__(self, con: DuckDBPyConnection, seconds: float, stuck: Callable[[], None] | None = None):
        self._con, self.seconds, self._left, self._stuck = con, seconds, seconds, stuck
        self.over = False

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Within it DuckDB works, until the time is over; then what it does is interrupted."""
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done,), daemon=True)
        began = time.monotonic()
        watch.start()
        try:
            yield
        finally:
            done.set()
            self._left -= time.monotonic() - began

    def _watch(self, done: threading.Event) -> None:
        if done.wait(max(self._left, 0.0)):
            return
        self.over = True
        self._con.interrupt()
        if self._stuck and not done.wait(GRACE):
            self._stuck()

"""What a question in SQL may take at most: memory, time, and room for its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Value = TypeVar("Value")

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

    def spend(self, work: Callable[[], Value]) -> Value:
        """What the work gives, or raises; it is interrupted when the time is over, and by Ctrl-C."""
        began = time.monotonic()
        # in a thread of its own: DuckDB seldom comes back to Python, and this one has to hear Ctrl-C
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(work)
            try:
                if not wait([done], max(self._left, 0.0)).done:
                    self.over = True
                    self._con.interrupt()
                    if self._stuck and not wait([done], GRACE).done:
                        self._stuck()
                return done.result()
            except KeyboardInterrupt:
                self._con.interrupt()
                raise
            finally:
                self._left -= time.monotonic() - began

"""Compiled programs of a process, let go before there is no room for their code.

XLA's CPU compiler maps the code of each kernel into memory by itself: 20 mappings for a small function, 150 for a
regression's programs of Laplace, some 1,200 for those of NUTS and its retries (measured with jaxlib 0.10.2). Linux
gives a process 65,530, and a compiler that asks for one more ends the process with a segmentation fault. A study that
has a program for each set of covariates came there after some fifty sets.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from multiverse.engines.compiled import Once

MAPPED, MAPPED_MOST = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")  # Linux alone has such a limit
ROOM = 0.5  # of that limit: the rest is for what is being compiled, and for other packages
PROGRAMS_MOST = 256  # where memory is the limit: 10 to 40 MB each (measured, as above)
LET_GO = 0.25  # of the programs at once, as looking costs some 30 ms


class Programs(Once):
    """Compiled programs by key. All such objects of a process share its room; those not used for longest are let go.

    They are made again when they are asked for, mostly from the cache on disk. Who has got one may go on using it.
    """

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The program of a key, made by `make` when it is not there (any more)."""
        program = super().get(key, make)
        _USED.now(self, key)
        return program

    def let_go(self, key: Hashable) -> None:
        """Forget a program; nothing where it is forgotten already."""
        with self._guard:
            self._values.pop(key, None)


class _Used:
    """Which programs were used when."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._order: OrderedDict[tuple[weakref.ref[Programs], Hashable], None] = OrderedDict()

    def now(self, programs: Programs, key: Hashable) -> None:
        """Note it; where it is new, make room for the next."""
        at = weakref.ref(programs), key
        with self._guard:
            new = at not in self._order
            self._order[at] = None
            self._order.move_to_end(at)
            if new and len(self._order) > PROGRAMS_MOST:
                self._drop()
            while new and len(self._order) > 1 and _is_full():
                self._drop()
                gc.collect()  # programs are parts of cycles

    def _drop(self) -> None:
        for _ in range(max(1, int(LET_GO * len(self._order)))):
            (programs, key), _none = self._order.popitem(last=False)
            if (held := programs()) is not None:
                held.let_go(key)


_USED = _Used()


def _is_full() -> bool:
    try:
        most = int(MAPPED_MOST.read_text())
        with MAPPED.open("rb") as lines:
            return sum(1 for _ in lines) > ROOM * most
    except OSError:
        return False

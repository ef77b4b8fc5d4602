"""Arrays that are dear to compute and cheap to hold: the last ones used, up to so many bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from multiverse.engines.diagnostics import Floats


class Held:
    """Arrays by key, for all threads of a process; those not used for longest are let go.

    Two threads that ask for the same array at the same time may both make it: they make the same bits.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0
        self._guard = threading.Lock()
        self._arrays: OrderedDict[Hashable, Floats] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Floats]) -> Floats:
        """The array of a key, made by `make` when it is not there (any more). It is not to be written to."""
        with self._guard:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        return self.put(key, make())

    def put(self, key: Hashable, array: Floats) -> Floats:
        """Hold this array, and let go of others where the limit is passed."""
        array.flags.writeable = False
        with self._guard:
            if key not in self._arrays:
                self._arrays[key] = array
                self._bytes += array.nbytes
                while self._bytes > self._limit and len(self._arrays) > 1:
                    self._bytes -= self._arrays.popitem(last=False)[1].nbytes
            return self._arrays[key]

"""What is dear to compute and cheap to hold: the last values used, up to so many bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """A value that says how many bytes it holds; arrays do."""

    @property
    def nbytes(self) -> int:
        """Bytes."""
        ...


Value = TypeVar("Value", bound=Sized)


class Held(Generic[Value]):
    """Values by key, for all threads of a process; those not used for longest are let go. They are not to be changed.

    Two threads that ask for the same value at the same time may both make it: they make the same bits.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0
        self._guard = threading.Lock()
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made by `make` when it is not there (any more)."""
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        return self.put(key, make())

    def put(self, key: Hashable, value: Value) -> Value:
        """Hold this value, and let go of others where the limit is passed; what is held for the key by now."""
        with self._guard:
            if key not in self._values:
                self._values[key] = value
                self._bytes += value.nbytes
                while self._bytes > self._limit and len(self._values) > 1:
                    self._bytes -= self._values.popitem(last=False)[1].nbytes
            return self._values[key]

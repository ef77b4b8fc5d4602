"""Batches as messages: what batches share is put into the object store once, and named in the messages."""

from __future__ import annotations

import io
import itertools
import pickle
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.errors import MultiverseError, PlanError, Problem
from multiverse.executors.executor import Work
from multiverse.executors.ray_cluster.cluster import imported
from multiverse.executors.ray_cluster.held import Sent

SHARED_BYTES: Final = 1 << 30  # of what is put into the object store and kept there; what is dropped is put again
LARGE_BYTES: Final = 64 * 2**10  # of a data set that is put: to name and to fetch a smaller one costs more than it does


class Message(NamedTuple):
    """A call of a worker: bytes of work and batch, and by name the objects in them that were sent before."""

    payload: bytes
    shared: Mapping[str, Sent]


class _Known(NamedTuple):
    """An object that messages share, held so that its id stays its own. name: empty where it is not put."""

    name: str
    one: Any


class Sender:
    """Makes messages. Holds what it has put, the most recently used, up to `SHARED_BYTES`."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._put: OrderedDict[str, Sent] = OrderedDict()
        self._size = 0  # of all that is put, in bytes
        self._numbers = itertools.count()

    def message(self, work: Work, batch: Batch) -> Message:
        """Work on a batch, with the universes of the batch alone. Raises PlanError for what cannot be sent."""
        _ = batch.wanted.identities  # computed here, where the source of functions is: it is remembered
        slim = replace(batch, program=batch.program.only(batch.keys))
        return self.pack((work.of(batch), slim), _shared(work, slim), _data(slim))

    def pack(self, value: Any, shared: Iterable[Any] = (), data: Iterable[Any] = ()) -> Message:
        """Any value as a message. shared: objects in it that other messages hold, too. data: those put if large."""
        pickle = imported().cloudpickle
        new: dict[str, tuple[Any, int]] = {}  # what is put for objects that were met just now
        heavy = {id(one): name for one in shared if (name := self._named(one, 0, new))}
        heavy |= {id(one): name for one in data if (name := self._named(one, LARGE_BYTES, new))}
        used: dict[str, Any] = {}

        class Pickler(pickle.CloudPickler):  # type: ignore[misc, name-defined]
            def persistent_id(self, one: Any) -> str | None:
                name = heavy.get(id(one))
                if name is not None:
                    used[name] = one
                return name

        sink = io.BytesIO()
        with _explained():
            Pickler(sink).dump(value)
        return Message(sink.getvalue(), {name: self._sent(name, one, new) for name, one in used.items()})

    def put_again(self) -> None:
        """What was put is not there any more, for somebody: from now on messages name it anew."""
        self._put.clear()
        self._size = 0

    def _named(self, one: Any, least: int, new: dict[str, tuple[Any, int]]) -> str:
        """The name of an object; empty where it takes fewer than `least` bytes."""
        known = self._known.get(id(one))
        if known is None:
            closed = _closed(one)
            known = self._known[id(one)] = _Known("", one)
            if closed[1] >= least:
                known = self._known[id(one)] = _Known(f"shared-{next(self._numbers)}", one)
                new[known.name] = closed
        return known.name

    def _sent(self, name: str, one: Any, new: dict[str, tuple[Any, int]]) -> Sent:
        if name in self._put:
            self._put.move_to_end(name)
        else:
            closed, size = new.pop(name) if name in new else _closed(one)
            self._put[name] = Sent(imported().put(closed), size)
            self._size += size
        sent = self._put[name]
        while len(self._put) > 1 and self._size > SHARED_BYTES:
            self._size -= self._put.popitem(last=False)[1].size
        return sent


def _shared(work: Work, batch: Batch) -> Iterator[Any]:
    """What many batches have in common but data: functions above all, which a worker makes once, not once a batch."""
    for program in (batch.program, *batch.beside.values()):
        yield from (one for one in (program.signature, program.sites) if one is not None)
        yield from (one for one in (program.choices, program.values) if one)
    yield batch.wanted
    if (engine := getattr(work, "engine", None)) is not None:
        yield engine


def _data(batch: Batch) -> Iterator[Any]:
    """The data sets of a batch."""
    for program in (batch.program, *batch.beside.values()):
        yield from program.datasets.values()
        yield from program.original.values()


def opened(sent: Any) -> Any:
    """An object as it was before it was put."""
    return pickle.loads(sent) if isinstance(sent, bytes) else sent


def unpacked(payload: bytes, shared: Mapping[str, Any]) -> Any:
    """The value of a message, with the objects that it names."""

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, name: str) -> Any:
            return shared[name]

    return Unpickler(io.BytesIO(payload)).load()


def _closed(one: Any) -> tuple[Any, int]:
    """What is put for an object, and its size in bytes.

    Its bytes, as arrays that Ray takes apart are read-only where they come out. Leaves are read-only here, too: all
    workers of a node read the same.
    """
    if isinstance(one, Mapping) and one and all(isinstance(leaf, np.ndarray) for leaf in one.values()):
        return one, sum(leaf.nbytes for leaf in one.values())
    with _explained():
        closed = bytes(imported().cloudpickle.dumps(one))
    return closed, len(closed)


@contextmanager
def _explained() -> Iterator[None]:
    """What cannot be pickled is told: functions and objects of a person raise what they like when they are."""
    try:
        yield
    except (MultiverseError, MemoryError):
        raise
    except Exception as error:
        raise PlanError(
            Problem(
                f"the study cannot be sent to other processes: {error}.",
                "functions and data that can be pickled",
                "open files, connections and locks inside the function that uses them, not beside it",
            )
        ) from error

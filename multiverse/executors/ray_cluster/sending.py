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
from multiverse.errors import PlanError, Problem
from multiverse.executors.executor import Work
from multiverse.executors.ray_cluster.cluster import imported

SHARED_BYTES: Final = 1 << 30  # of what is put into the object store and kept there; what is dropped is put again


class Message(NamedTuple):
    """A call of a worker: bytes of work and batch, and by name the objects in them that were sent before."""

    payload: bytes
    shared: Mapping[str, Any]


class Sender:
    """Makes messages. Holds what it has put, the most recently used, up to `SHARED_BYTES`."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[str, Any]] = {}  # the object is held, so that its id stays its own
        self._put: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._numbers = itertools.count()

    def message(self, work: Work, batch: Batch) -> Message:
        """Work on a batch, with the universes of the batch alone. Raises PlanError for what cannot be sent."""
        _ = batch.wanted.identities  # computed here, where the source of functions is: it is remembered
        slim = replace(batch, program=batch.program.only(batch.keys))
        return self.pack((work.of(batch), slim), _shared(work, slim))

    def pack(self, value: Any, shared: Iterable[Any] = ()) -> Message:
        """Any value as a message. shared: objects in it that other messages hold, too."""
        pickle = imported().cloudpickle
        heavy = {id(one): self._named(one) for one in shared}
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
            refs = {name: self._ref(name, one) for name, one in used.items()}
        return Message(sink.getvalue(), refs)

    def _named(self, one: Any) -> str:
        if id(one) not in self._names:
            self._names[id(one)] = (f"shared-{next(self._numbers)}", one)
        return self._names[id(one)][0]

    def _ref(self, name: str, one: Any) -> Any:
        if name in self._put:
            self._put.move_to_end(name)
        else:
            self._put[name] = (imported().put(_closed(one)), _bytes(one))
            while len(self._put) > 1 and sum(size for _, size in self._put.values()) > SHARED_BYTES:
                self._put.popitem(last=False)
        return self._put[name][0]


def _shared(work: Work, batch: Batch) -> Iterator[Any]:
    """What many batches have in common."""
    for program in (batch.program, *batch.beside.values()):
        yield from (one for one in (program.signature, program.sites) if one is not None)
        yield from (one for one in (program.choices, program.values) if one)
        yield from program.datasets.values()
        yield from program.original.values()
    yield batch.wanted
    if (engine := getattr(work, "engine", None)) is not None:
        yield engine


def opened(sent: Any) -> Any:
    """An object as it was before it was put."""
    return pickle.loads(sent) if isinstance(sent, bytes) else sent


def unpacked(payload: bytes, shared: Mapping[str, Any]) -> Any:
    """The value of a message, with the objects that it names."""

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, name: str) -> Any:
            return shared[name]

    return Unpickler(io.BytesIO(payload)).load()


def _closed(one: Any) -> Any:
    """What is put for an object. Its bytes, as arrays that Ray takes apart are read-only where they come out.

    Leaves are read-only here, too: all workers of a node read the same.
    """
    leaves = isinstance(one, Mapping) and one and all(isinstance(leaf, np.ndarray) for leaf in one.values())
    return one if leaves else bytes(imported().cloudpickle.dumps(one))


def _bytes(one: Any) -> int:
    """About how large an object is, by its arrays."""
    leaves = getattr(one, "leaves", one)
    return sum(int(getattr(leaf, "nbytes", 0)) for leaf in leaves.values()) if isinstance(leaves, Mapping) else 0


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (TypeError, pickle.PicklingError) as error:
        raise PlanError(
            Problem(
                f"the study cannot be sent to other processes: {error}.",
                "functions and data that can be pickled",
                "open files, connections and locks inside the function that uses them, not beside it",
            )
        ) from error

"""What happens to a batch on a worker: resolve what it reads, fit, publish, and come back light."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from multiverse.blas import one_blas_thread
from multiverse.engines.engine import Batch, Engine
from multiverse.engines.failed import failed
from multiverse.engines.outcome import Outcome, Reason
from multiverse.shared_answers import share_part
from multiverse.store.asked import with_asked
from multiverse.store.contract import Store
from multiverse.store.handed import encode_handed, given_by
from multiverse.store.part import decode, encode, is_row_column


class Given(Mapping[str, tuple[Outcome, ...]]):
    """The outcomes of the batches that a batch reads, by id; read from the store when they are asked for."""

    def __init__(self, store: Store, batch: Batch):
        self._store, self._names = store, batch.reads
        self._read: dict[str, tuple[Outcome, ...]] = {}

    def __getitem__(self, name: str) -> tuple[Outcome, ...]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = given_by(self._store, name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclasses.dataclass(frozen=True)
class SweepWork:
    """The work of one sweep, wherever it is done: see `executors.executor.Work`.

    following: by key of a universe that is run, its exact duplicates, which get its answer.
    """

    store: Store
    engine: Engine[Any]
    run: str
    following: Mapping[str, tuple[str, ...]]

    def __call__(self, batch: Batch) -> tuple[Outcome, ...]:
        """Fit a batch and publish it."""
        return self.publish(batch, self.fit(batch))

    def fit(self, batch: Batch) -> tuple[Outcome, ...]:
        """The outcomes of a batch with their draws, or of a part of its universes; nothing is published."""
        return self._fit(batch, Given(self.store, batch))

    def publish(self, batch: Batch, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """All outcomes of a batch as one part of the store; without draws for the driver."""
        if (joined := getattr(self.engine, "joined", None)) is not None:
            with one_blas_thread():
                outcomes = joined(batch, outcomes, Given(self.store, batch))
        outcomes = [
            dataclasses.replace(outcome, engine=batch.engine, batch=batch.id, purpose=batch.purpose)
            for outcome in outcomes
        ]
        members = batch.program.members
        part = encode(
            outcomes,
            run=self.run,
            engine=batch.engine,
            batch=batch.id,
            program=batch.program.id,
            rows_kept={key: members[key].rows_kept for key in batch.keys},
            host=socket.gethostname(),
            finished=datetime.now(UTC),
            reads=batch.reads,
            purpose=batch.purpose,
        )
        part = with_asked(part, batch.wanted.identities)
        if any(outcome.handed for outcome in outcomes):  # before the part: a part whose artefact is missing misleads
            self.store.put("artefact", batch.id, encode_handed(outcomes))
        self.store.put("part", batch.id, part)
        share_part(self.store, part, self.run, batch.id, self.following)
        return tuple(outcome.light() for outcome in outcomes)

    def lost(self, batch: Batch, reason: Reason, message: str) -> tuple[Outcome, ...]:
        """The outcomes of universes that cannot be fitted, since the process that fits them dies or never ends."""
        outcomes = tuple(Outcome(key, reason, message, attempt=batch.attempt) for key in batch.keys)
        lost = getattr(self.engine, "lost", None)
        return outcomes if lost is None else tuple(lost(batch, outcomes, Given(self.store, batch)))

    def landmarks(self) -> frozenset[str]:
        """The records of runs in the store: this run has written one before its first batch."""
        return self.store.names("run")

    def of(self, batch: Batch) -> SweepWork:
        """The same for one batch alone: small enough to send with it."""
        mine = {key: self.following[key] for key in batch.keys if key in self.following}
        return dataclasses.replace(self, following=mine)

    def recall(self, batch: Batch) -> tuple[Outcome, ...]:
        """The outcomes of a batch that is in the store already, perhaps by another process a moment ago."""
        if not self.following.keys().isdisjoint(batch.keys):
            share_part(self.store, self.store.get("part", batch.id), self.run, batch.id, self.following)
        return decode(self.store.get("part", batch.id, is_row_column))

    def _fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """What the engine makes of a batch. Where it raises, of each universe alone: one shall not spoil the others."""
        try:
            with one_blas_thread():
                return self.engine.fit(batch, given)
        except MemoryError:
            raise  # a fault of the machine: a larger one will answer
        except Exception as error:
            if len(batch) == 1:
                return failed(batch, error)
        alone = (dataclasses.replace(batch, keys=(key,)) for key in batch.keys)
        return tuple(outcome for one in alone for outcome in self._fit(one, given))

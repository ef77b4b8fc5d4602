"""What is done with a batch that is answered again: fitted as in a sweep, and published nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multiverse.blas import one_blas_thread
from multiverse.engines.engine import Batch
from multiverse.engines.failed import failed
from multiverse.engines.outcome import Outcome, Reason
from multiverse.store.contract import Store
from multiverse.store.handed import given_by


@dataclass(frozen=True)
class WorkAgain:
    """The work that an executor is given, as `executors.executor.Work` says it; outcomes keep their draws."""

    store: Store
    engine: Any

    def __call__(self, batch: Batch) -> tuple[Outcome, ...]:
        """The outcomes of a batch, whole."""
        return self.publish(batch, self.fit(batch))

    def fit(self, batch: Batch) -> tuple[Outcome, ...]:
        """The outcomes of a batch, or of a part of its universes."""
        try:
            with one_blas_thread():
                return tuple(self.engine.fit(batch, self._given(batch)))
        except MemoryError:
            raise
        except Exception as error:
            return failed(batch, error)

    def publish(self, batch: Batch, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """The same, with what the engine says of all of them together."""
        joined = getattr(self.engine, "joined", None)
        if joined is None:
            return tuple(outcomes)
        with one_blas_thread():
            return tuple(joined(batch, outcomes, self._given(batch)))

    def lost(self, batch: Batch, reason: Reason, message: str) -> tuple[Outcome, ...]:
        """Outcomes with this reason."""
        return tuple(Outcome(key, reason, message, attempt=batch.attempt) for key in batch.keys)

    def landmarks(self) -> frozenset[str]:
        """The records of runs in the store."""
        return self.store.names("run")

    def of(self, batch: Batch) -> WorkAgain:
        """The same."""
        return self

    def _given(self, batch: Batch) -> Mapping[str, tuple[Outcome, ...]]:
        return {name: given_by(self.store, name) for name in batch.reads}

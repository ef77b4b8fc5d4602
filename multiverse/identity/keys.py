"""Keys: which answer belongs to which question. All are made of fingerprints, on the driver, and never of positions.

A universe key says what was asked, a run id how it was computed, a batch id which part of a run holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from multiverse.identity.fingerprint import describe, fingerprint


@dataclass(frozen=True)
class StudyIdentity:
    """What a store belongs to: the fingerprints of a study's preprocessing, its model and its raw data.

    The name of the study, its estimands and its space are not in it: they may change while the answers stay.
    """

    prepare: str
    model: str
    data: str

    @property
    def id(self) -> str:
        """The three as one key, 32 hex characters."""
        return _key("study", self.prepare, self.model, self.data)

    def changes(self, other: StudyIdentity) -> list[str]:
        """Which of "prepare", "model" and "data" differ; empty when both are the same study."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


def universe_key(identity: StudyIdentity, options: Mapping[str, str | None]) -> str:
    """The key of a universe, 32 hex characters.

    options: by active decision the fingerprint of its option's value; None, or absent, where a decision does not apply.
    The order of decisions, labels, reasons, kinds and all other options do not count.
    """
    return _key("universe", identity.id, {name: value for name, value in options.items() if value is not None})


def run_id(engine: str, settings: Mapping[str, Any], seed: int, dtype: str, gate: Mapping[str, Any]) -> str:
    """The id of a way of computing, 32 hex characters: equal for equal engine, settings, seed, dtype and gate.

    Raises FingerprintError where a setting has no stable identity.
    """
    return _key("run", engine, dict(settings), int(seed), dtype, dict(gate))


def changed_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """One sentence for each setting that differs, in the order of `new`, as in "target_accept: was 0.8, is 0.9".

    Settings within settings are named with dots. Empty exactly when `run_id` sees no difference in them.
    """
    before, after = _flat(old), _flat(new)
    names = [*after, *(name for name in before if name not in after)]
    unset = object()
    told = []
    for name in names:
        was, now = before.get(name, unset), after.get(name, unset)
        if was is unset or now is unset or fingerprint(was) != fingerprint(now):
            told.append(f"{name}: was {_shown(was, unset)}, is {_shown(now, unset)}")
    return told


def batch_id(
    engine: str, settings: Mapping[str, Any], attempt: int, keys: Iterable[str], reads: Iterable[str] = ()
) -> str:
    """The id of a batch, 32 hex characters, which names its part in the store.

    keys: of its universes; reads: ids of the batches whose outcomes it needs. The order of neither counts.
    """
    return _key("batch", engine, dict(settings), int(attempt), sorted(keys), sorted(reads))


def rng_words(seed: int, key: str, attempt: int) -> tuple[int, int]:
    """Two 32-bit words for the threefry key of a universe: they depend on its key, never on its place in a queue."""
    digest = hashlib.sha256(f"multiverse rng|{int(seed)}|{key}|{int(attempt)}".encode()).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")


def _key(kind: str, *parts: Any) -> str:
    return fingerprint((f"multiverse {kind}", *parts))


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{above}{name}.")
        else:
            flat[f"{above}{name}"] = value
    return flat


def _shown(value: Any, unset: object) -> str:
    return "not set" if value is unset else describe(value)

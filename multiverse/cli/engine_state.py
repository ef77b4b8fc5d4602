"""What each engine of a run did, as values: attempts, answers, what it left to others and why, audits, seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.compute as pc

from multiverse.engines.auto import history
from multiverse.store.contract import Table
from multiverse.store.part import DIAGNOSTIC

AUDIT_Z: Final = f"{DIAGNOSTIC}{history.AUDIT_Z}"
COLUMNS: Final = ("engine", "reason", "seconds", "escalated", "same_as", AUDIT_Z)  # beside those of `attempts.COLUMNS`


class EngineState(NamedTuple):
    """One engine in one run.

    attempts: how often it tried a universe, ladder and audits included. answered: universes whose answer is its; green
    and red, these by reason. went_on: universes that it tried and another engine then took, by the reason of its last
    attempt; passed_over: universes that it was not given, by what is written of it there. audited: its green answers
    that were answered again by another engine; audit_z: the largest difference in combined Monte Carlo standard errors,
    None without one. seconds: of all attempts, on the cores where they ran.
    """

    engine: str
    attempts: int
    answered: int
    green: int
    red: Mapping[str, int]
    went_on: Mapping[str, int]
    passed_over: Mapping[str, int]
    audited: int
    audit_z: float | None
    seconds: float


def engine_states(tried: Table) -> tuple[EngineState, ...]:
    """The engines of a run, in the order in which universes come to them.

    tried: each attempt once, with `COLUMNS` and those of `attempts.COLUMNS`, and `shown`. What an exact duplicate was
    given counts as answered, and is nobody's attempt.
    """
    ordered = tried.sort_by([("key", "ascending"), ("attempt", "ascending")])
    key, engine, reason = (ordered[name].to_numpy(zero_copy_only=False) for name in ("key", "engine", "reason"))
    final, shown = (ordered[name].to_numpy(zero_copy_only=False).astype(bool) for name in ("final", "shown"))
    own = ordered["same_as"].is_null().to_numpy(zero_copy_only=False)
    red = ordered["reason"].is_valid().to_numpy(zero_copy_only=False)
    seconds = np.nan_to_num(ordered["seconds"].to_numpy(zero_copy_only=False).astype(float))
    audit_z = _numbers(ordered, AUDIT_Z)
    next_one = np.append(key[1:] == key[:-1], False) & ~final  # the row below is the next attempt of one climb
    left = next_one & (engine != np.roll(engine, -1))
    audited = _audited(key, engine, red, next_one)
    passed = _passed_over(ordered.filter(pc.and_(ordered["shown"], ordered["escalated"].is_valid())), key, engine)
    found = []
    for name in _in_order(engine, _numbers(ordered, "attempt"), passed):
        mine = engine == name
        counted = mine & shown & final
        audits = [row for row in np.flatnonzero(audited == name) if final[row]]
        far = [float(audit_z[row]) for row in audits if not math.isnan(audit_z[row])]
        found.append(
            EngineState(
                name,
                attempts=int((mine & own).sum()),
                answered=int(counted.sum()),
                green=int((counted & ~red).sum()),
                red=_counts(reason[counted & red]),
                went_on=_counts(reason[mine & own & left & red]),
                passed_over=dict(passed.get(name, {})),
                audited=len(audits),
                audit_z=max(far, default=None),
                seconds=float(seconds[mine & own].sum()),
            )
        )
    return tuple(found)


def _audited(key: np.ndarray, engine: np.ndarray, red: np.ndarray, next_one: np.ndarray) -> np.ndarray:
    """The engine whose green answer a row audits; None for a row that audits none.

    An answer that is green and not final waits for an audit, whose attempts are the following ones.
    """
    audited = np.full(len(key), None, dtype=object)
    for row in np.flatnonzero(next_one & ~red):
        of = engine[row]
        while next_one[row]:
            row += 1
            audited[row] = of
    return audited


def _passed_over(told: Table, key: np.ndarray, engine: np.ndarray) -> dict[str, Counter[str]]:
    """By engine, why universes were not given to it, with their number."""
    passed: dict[str, Counter[str]] = {}
    tried: dict[Any, set[Any]] = {}
    wanted = set(told["key"].to_pylist())
    for one, by in zip(key, engine, strict=True):
        if one in wanted:
            tried.setdefault(one, set()).add(by)
    for one, text in zip(told["key"].to_pylist(), told["escalated"].to_pylist(), strict=True):
        for part in text.split("; "):
            name, colon, why = part.partition(": ")
            if colon and name.isidentifier() and name not in tried[one]:
                passed.setdefault(name, Counter())[why] += 1
    return passed


def _in_order(engine: np.ndarray, attempt: np.ndarray, passed: Iterable[str]) -> list[str]:
    """Engines that were never asked, then the others by how late they came to a universe, in the mean."""
    asked = sorted({str(name) for name in engine if name}, key=lambda name: (attempt[engine == name].mean(), name))
    return [*sorted(set(passed) - set(asked)), *asked]


def _counts(reasons: np.ndarray) -> dict[str, int]:
    return dict(Counter(reasons.tolist()).most_common())


def _numbers(table: Table, column: str) -> np.ndarray:
    found: np.ndarray = table[column].to_numpy(zero_copy_only=False).astype(float)
    return found

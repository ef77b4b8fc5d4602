"""What each engine of a run did, as a table on stdout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from multiverse.cli.engine_state import EngineState
from multiverse.cli.tables import echo_prose, echo_table
from multiverse.planning.duration import short
from multiverse.space.counted import counted

HEADER = ("engine", "attempts", "answered", "green", "red", "went on", "work")


def echo_engines(engines: Sequence[EngineState]) -> None:
    """A row for each engine where there are several; below it what was audited, and why universes went on."""
    if not engines:
        return
    if len(engines) == 1:
        (only,) = engines
        echo_prose(f"{only.engine}: {counted(only.attempts, 'attempt')}, {short(only.seconds)} of work", indent=2)
        return
    rows = [
        (e.engine, e.attempts, e.answered, e.green, sum(e.red.values()), sum(e.went_on.values()), short(e.seconds))
        for e in engines
    ]
    echo_table(HEADER, rows, indent=2)
    for line in notes(engines):
        echo_prose(line, indent=2)


def notes(engines: Sequence[EngineState]) -> Iterator[str]:
    """In words: why universes went on from an engine, why some were not given to it, and what audits saw."""
    for engine in engines:
        if engine.went_on:
            yield f"{engine.engine} left {_reasons(engine.went_on)} to the next engine"
        for why, many in engine.passed_over.items():
            yield f"{engine.engine} was not given {counted(many, 'universe')}: {why}"
        if engine.audited:
            far = "" if engine.audit_z is None else f"; furthest apart by {engine.audit_z:.3g} Monte Carlo errors"
            yield f"{counted(engine.audited, 'green answer')} of {engine.engine} audited{far}"


def _reasons(counts: Mapping[str, int]) -> str:
    told = ", ".join(f"{many:,} {reason}" for reason, many in counts.items())
    return f"{counted(sum(counts.values()), 'universe')} ({told})"

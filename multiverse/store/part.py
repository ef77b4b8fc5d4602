"""The outcomes of one batch as one table, and back: what a part of the store holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from multiverse.engines.outcome import DrawsName, Interval, Outcome, Reason
from multiverse.errors import Problem, StoreError, near_miss
from multiverse.store.contract import Table
from multiverse.store.draws_columns import decode_draws, draws_column, encode_draws, names_of, shape_column
from multiverse.store.parquet import DRAWS
from multiverse.store.same_as import SAME_AS
from multiverse.store.schema import DIAGNOSTICS, STATISTICS

ESTIMATE: Final = "estimate:"  # estimate:mean is a list beside the list `estimand`
DIAGNOSTIC: Final = "diagnostic:"
SQL_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")  # of statistics and diagnostics: they become columns of views

READS: Final = "reads"
PURPOSE: Final = "purpose"

_TEXTS: Final = pa.list_(pa.string())
_NUMBERS: Final = pa.list_(pa.float64())
SCHEMA: Final = pa.schema(
    {
        "key": pa.string(),
        "run": pa.string(),
        "engine": pa.string(),
        "batch": pa.string(),
        READS: _TEXTS,  # ids of the batches that this one was given
        PURPOSE: pa.string(),  # NULL for most; see `Batch.purpose`
        "program": pa.string(),
        "rows_kept": pa.int64(),
        "reason": pa.string(),  # the reason's code; NULL when ok
        "message": pa.string(),
        "traceback": pa.string(),
        "attempt": pa.int32(),
        "final": pa.bool_(),
        "escalated": pa.string(),  # NULL where the first engine answered
        "seconds": pa.float64(),
        "finished": pa.timestamp("us"),  # UTC
        "host": pa.string(),
        SAME_AS: pa.string(),
        "estimand": _TEXTS,
        "interval": _TEXTS,  # beside `estimand`; NULL in parts older than the column, which hold credible intervals
        **{ESTIMATE + name: _NUMBERS for name in STATISTICS},
        **{DIAGNOSTIC + name: pa.float64() for name in DIAGNOSTICS},
    }
)
"""The columns that every part has. Statistics, diagnostics and draws beyond them follow."""


def encode(
    outcomes: Sequence[Outcome],
    *,
    run: str,
    engine: str,
    batch: str,
    program: Mapping[str, str] | str,
    rows_kept: Mapping[str, int],
    host: str,
    finished: datetime,
    reads: Sequence[str] = (),
    purpose: str = "",
    same_as: Mapping[str, str | None] = MappingProxyType({}),
) -> Table:
    """The part of a batch: a row for each outcome, its draws beside it. Publish it under the name of its batch.

    run: the run's name. program: one for all, or by universe key. rows_kept: by universe key; NULL where absent.
    finished: with a time zone, or in UTC. reads, purpose: of the batch. same_as: by universe key, the universe whose
    answer it shares. NaN becomes NULL, an empty message or traceback too.
    Raises StoreError for names that could not become columns, and for draws that are not (chain, draw, ...) floats.
    """
    rows = list(outcomes)
    programs = dict.fromkeys((o.key for o in rows), program) if isinstance(program, str) else program
    ended = finished.astimezone(UTC).replace(tzinfo=None) if finished.tzinfo else finished
    columns: dict[str, Any] = {
        "key": [o.key for o in rows],
        "run": [run] * len(rows),
        "engine": [engine] * len(rows),
        "batch": [batch] * len(rows),
        READS: [list(reads)] * len(rows),
        PURPOSE: [purpose or None] * len(rows),
        "program": [programs.get(o.key) for o in rows],
        "rows_kept": [rows_kept.get(o.key) for o in rows],
        "reason": [None if o.ok else o.reason.name for o in rows],
        "message": [o.message or None for o in rows],
        "traceback": [o.traceback or None for o in rows],
        "attempt": [o.attempt for o in rows],
        "final": [o.final for o in rows],
        "escalated": [o.escalated or None for o in rows],
        "seconds": [_number(o.seconds) for o in rows],
        "finished": [ended] * len(rows),
        "host": [host] * len(rows),
        SAME_AS: [same_as.get(o.key) for o in rows],
        "estimand": [list(o.estimates) for o in rows],
        "interval": [[o.intervals.get(name, Interval.credible).value for name in o.estimates] for o in rows],
    }
    for name in _names(STATISTICS, (numbers for o in rows for numbers in o.estimates.values())):
        columns[ESTIMATE + name] = [[_number(numbers.get(name)) for numbers in o.estimates.values()] for o in rows]
    for name in _names(DIAGNOSTICS, (o.diagnostics for o in rows)):
        columns[DIAGNOSTIC + name] = [_number(o.diagnostics.get(name)) for o in rows]
    arrays = {name: pa.array(values, _type(name)) for name, values in columns.items()}
    for name in dict.fromkeys(name for o in rows for name in o.draws):
        DrawsName.parse(name)
        lists, shapes = encode_draws(name, [o.draws.get(name) for o in rows])
        arrays |= {draws_column(name): lists, shape_column(name): shapes}
    return pa.table(arrays)


def decode(table: Table) -> tuple[Outcome, ...]:
    """The outcomes of a part, or of several parts in one table; with or without its columns of draws.

    A number that is NULL is absent from the mapping, and so is a credible interval, in which nothing needs to be said.
    Raises StoreError for a reason or a kind of interval that this version does not know.
    """
    scalars = {name: table[name].to_pylist() for name in table.column_names if not name.startswith((DRAWS, "shape:"))}
    statistics = [name for name in scalars if name.startswith(ESTIMATE)]
    diagnostics = [name for name in scalars if name.startswith(DIAGNOSTIC)]
    draws: dict[str, list[np.ndarray | None]] = {
        name: decode_draws(table[draws_column(name)], table[shape_column(name)])
        for name in names_of([name for name in table.column_names if name.startswith(DRAWS)])
    }
    return tuple(
        Outcome(
            key=scalars["key"][i],
            reason=_reason(scalars["reason"][i]),
            message=scalars["message"][i] or "",
            traceback=scalars["traceback"][i] or "",
            draws={name: array for name, arrays in draws.items() if (array := arrays[i]) is not None},
            estimates={
                estimand: {
                    name.removeprefix(ESTIMATE): number
                    for name in statistics
                    if (numbers := scalars[name][i]) is not None and (number := numbers[at]) is not None
                }
                for at, estimand in enumerate(scalars["estimand"][i])
            },
            intervals=_intervals(scalars["estimand"][i], scalars.get("interval", [None] * table.num_rows)[i]),
            diagnostics={
                name.removeprefix(DIAGNOSTIC): number
                for name in diagnostics
                if (number := scalars[name][i]) is not None
            },
            seconds=np.nan if scalars["seconds"][i] is None else scalars["seconds"][i],
            attempt=scalars["attempt"][i],
            final=scalars["final"][i],
            escalated=scalars.get("escalated", [None] * table.num_rows)[i] or "",
            engine=scalars["engine"][i] or "",
            batch=scalars["batch"][i] or "",
            purpose=scalars.get(PURPOSE, [None] * table.num_rows)[i] or "",
        )
        for i in range(table.num_rows)
    )


def is_row_column(column: str) -> bool:
    """Whether a column describes the universe (and is cheap to read), rather than holding draws."""
    return not column.startswith(DRAWS)


def _type(column: str) -> Any:
    if column in SCHEMA.names:
        return SCHEMA.field(column).type
    return _NUMBERS if column.startswith(ESTIMATE) else pa.float64()


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)


def _names(known: Sequence[str], tables: Iterable[Mapping[str, float]]) -> list[str]:
    """The known names, then the others, each once."""
    names = list(dict.fromkeys([*known, *(name for table in tables for name in table)]))
    if bad := [name for name in names if not SQL_NAME.fullmatch(name)]:
        raise StoreError(
            [
                Problem(
                    f"an engine reports a number named {name!r}, which has to become a column",
                    "a lower-case name: letters, digits and '_', beginning with a letter",
                    f"{near_miss(name.lower(), known)}Rename it in the engine.",
                )
                for name in bad
            ]
        )
    return names


def _intervals(estimands: Sequence[str], kinds: Sequence[str | None] | None) -> dict[str, Interval]:
    told = {} if kinds is None else dict(zip(estimands, kinds, strict=True))
    if strange := {kind for kind in told.values() if kind is not None} - {*Interval}:
        raise StoreError(
            Problem(
                f"the store holds an estimate with an interval of kind {min(strange)!r}",
                f"one of {', '.join(Interval)}",
                "A newer version wrote it: pip install --upgrade multiverse",
            )
        )
    return {name: Interval(kind) for name, kind in told.items() if kind not in (None, Interval.credible)}


def _reason(code: str | None) -> Reason:
    if code is None:
        return Reason.ok
    if code not in Reason.__members__:
        raise StoreError(
            Problem(
                f"the store holds an outcome with reason {code!r}",
                f"one of {', '.join(Reason.__members__)}",
                "A newer version wrote it: pip install --upgrade multiverse",
            )
        )
    return Reason[code]

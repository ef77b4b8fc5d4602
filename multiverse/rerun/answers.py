"""What a run has answered: of each universe the attempt that counts, and those before it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from multiverse.engines.outcome import Outcome
from multiverse.store.asked import ASKED
from multiverse.store.attempts import distinct
from multiverse.store.contract import Store, Table
from multiverse.store.part import PURPOSE, READS, decode
from multiverse.store.row_scan import scan_rows
from multiverse.store.same_as import SAME_AS


@dataclass(frozen=True, eq=False)
class Answer:
    """The attempt at a universe that counts, without its draws, and where these are.

    program: empty where planning showed that there is no answer. asked: the fingerprint of each estimand, None where
    it was not recorded. drawn: when its draws were made. rewritten: whether estimands were added to it later, so that
    its diagnostics need not be those of a universe that was asked for all of them at once. before: the earlier
    attempts, in order; what an engine needs to ask for this one again. same_as: the universe that was run, where this
    one is an exact duplicate of it and shares its answer. reads, purpose: of its batch.
    """

    outcome: Outcome
    batch: str
    program: str
    asked: Mapping[str, str | None]
    drawn: datetime
    rewritten: bool = False
    before: tuple[Outcome, ...] = ()
    same_as: str | None = None
    reads: tuple[str, ...] = ()
    purpose: str = ""

    @property
    def key(self) -> str:
        """The universe."""
        return self.outcome.key

    @property
    def ran(self) -> str:
        """The universe that was run for it, whose key its random numbers are made of: itself, or another."""
        return self.same_as or self.key


def read_answers(store: Store, run: str, keys: Collection[str] | None = None) -> dict[str, Answer]:
    """The answers of a run by key, of these universes only or of all; what is not answered is not there."""
    rows = scan_rows(store)
    if not rows.num_rows:
        return {}
    rows = rows.filter(pc.equal(rows["run"], run))
    if keys is not None:
        rows = rows.filter(pc.is_in(rows["key"], pa.array(list(keys), pa.string())))
    written: dict[tuple[str, int], list[datetime]] = {}
    for key, attempt, finished in zip(
        *(rows[name].to_pylist() for name in ("key", "attempt", "finished")), strict=True
    ):
        written.setdefault((key, attempt), []).append(finished.replace(tzinfo=UTC))
    rows = distinct(rows)
    asked = rows[ASKED].to_pylist() if ASKED in rows.column_names else [None] * rows.num_rows
    names_of = ("batch", "program", "estimand", SAME_AS, READS, PURPOSE, "shown")
    columns = (rows[name].to_pylist() for name in names_of)
    attempts: dict[str, list[Outcome]] = {}
    counting: dict[str, Answer] = {}
    told = zip(decode(rows), asked, *columns, strict=True)
    for outcome, prints, batch, program, names, same_as, reads, purpose, shown in told:
        attempts.setdefault(outcome.key, []).append(outcome)
        if shown:
            times = written[outcome.key, outcome.attempt]
            means = dict(zip(names or (), prints or [None] * len(names or ()), strict=True))
            counting[outcome.key] = Answer(
                outcome,
                batch,
                program or "",
                means,
                min(times),
                len(times) > 1,
                same_as=same_as,
                reads=tuple(reads or ()),
                purpose=purpose or "",
            )
    return {key: replace(answer, before=_before(answer.outcome, attempts[key])) for key, answer in counting.items()}


def with_draws(store: Store, run: str, answers: Collection[Answer]) -> dict[str, Outcome]:
    """The outcomes of these answers by key, with their draws; a part is read once."""
    found: dict[str, Outcome] = {}
    for batch in sorted({answer.batch for answer in answers}):
        asked = {answer.key: answer.outcome.attempt for answer in answers if answer.batch == batch}
        part = store.get("part", batch)
        for outcome in decode(part.take(_places(part, run, asked))):
            found[outcome.key] = outcome
    return found


def _before(outcome: Outcome, attempts: list[Outcome]) -> tuple[Outcome, ...]:
    return tuple(sorted((o for o in attempts if o.attempt < outcome.attempt), key=lambda o: o.attempt))


def _places(part: Table, run: str, asked: dict[str, int]) -> list[int]:
    """The row of each attempt that is asked for."""
    columns = (part[name].to_pylist() for name in ("key", "run", "attempt"))
    rows = enumerate(zip(*columns, strict=True))
    return [row for row, (key, of, attempt) in rows if of == run and asked.get(key) == attempt]

"""Estimands that are new, or have changed, for universes that are answered: from their kept draws, without sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from multiverse.engines.outcome import Outcome
from multiverse.errors import Problem, StoreError
from multiverse.identity.keys import batch_id
from multiverse.planning.plan import Plan
from multiverse.progress import Progress
from multiverse.re_estimate.answer import NotKept, answer
from multiverse.re_estimate.owed import Owed, owed
from multiverse.re_estimate.site_draws import site_draws
from multiverse.store import parquet
from multiverse.store.asked import ASKED
from multiverse.store.contract import Store, Table
from multiverse.store.handed import encode_handed, given_by
from multiverse.store.part import PURPOSE, READS, decode, encode
from multiverse.store.same_as import SAME_AS

UNIVERSES_A_PART: Final = 64  # as an engine's batches: a killed process loses seconds
UNIT: Final = "estimates"  # of the progress: one for each universe and estimand


def re_estimate(store: Store, plan: Plan, engine: Any, run: str, progress: Progress) -> int:
    """Compute what the run owes, and publish it; how many universes were looked at again.

    Each part that is published holds whole attempts: all that the old rows had, draws too, and the new estimands.
    Readers take the row that was written last. A killed process leaves whole parts; the next call goes on.
    Raises StoreError where a site turns out not to have been kept.
    """
    waiting = owed(store, plan, run)
    total = sum(len(one.names) for one in waiting)
    if not waiting:
        return 0
    names = dict.fromkeys(name for one in waiting for name in one.names)
    with progress(f"computing {', '.join(map(repr, names))} from kept draws", total, UNIT) as advance:
        for start in range(0, len(waiting), UNIVERSES_A_PART):
            some = waiting[start : start + UNIVERSES_A_PART]
            table = _old_rows(store, some)
            outcomes = []
            for one, outcome in zip(some, decode(table), strict=True):
                outcomes.append(_answered(store, plan, engine, run, one, outcome))
                advance(len(one.names))
            batch = _batch(plan, run, some)
            if handed := _handed(store, some):
                store.put("artefact", batch, encode_handed(handed))
            store.put("part", batch, _part(table, outcomes, plan, run, batch, some))
    return len(waiting)


def refusals(store: Store, plan: Plan, run: str) -> list[Problem]:
    """The estimands that cannot be computed for universes that are answered, with the sites that were not kept.

    Tries each estimand on one universe of each program and each combination of the options that it takes.
    """
    waiting = owed(store, plan, run)
    lacking: dict[str, dict[str, None]] = {}
    outcomes: dict[str, Outcome] = {}
    for one, name in _telling(plan, waiting):
        if one.key not in outcomes:
            outcomes[one.key] = decode(_old_rows(store, [one]))[0]
        estimand = next(e for e in plan.wanted.estimands if e.name == name)
        if plan.study.is_function:
            lacking.setdefault(name, {})
            continue
        program = plan.program_of[one.key]
        draws = site_draws(outcomes[one.key], program, one.asked)
        try:
            estimand(draws, program.data(one.key), program.option_values(one.key))
        except Exception:  # on draws that are there this is an outcome, on stand-ins it means nothing
            pass
        if draws.lacking:
            lacking.setdefault(name, {}).update(draws.lacking)
    return [_refusal(store, plan, run, waiting, name, list(sites)) for name, sites in lacking.items()]


def _refusal(store: Store, plan: Plan, run: str, waiting: Sequence[Owed], name: str, sites: list[str]) -> Problem:
    count = sum(name in one.names for one in waiting)
    how = "for another estimand {!r}: it has changed" if any(name in one.changed for one in waiting) else "without {!r}"
    gone = f", and kept no draws of {', '.join(map(repr, sites))}, which it looks at" if sites else ""
    expected = "estimands that can be computed from draws that were kept, or those that the run began with"
    if plan.study.is_function:
        expected = "the estimands that the run began with: an `estimate` function is asked when a universe is answered"
    keep = "" if plan.study.is_function else " and keep='all'"
    return Problem(
        f"the run {run!r} of {store.describe()} has answered {count} universes {how.format(name)}{gone}.",
        expected,
        f"answer the universes again in another run, as in run='with {name}'{keep} (--run 'with {name}')",
    )


def _telling(plan: Plan, waiting: Sequence[Owed]) -> Iterator[tuple[Owed, str]]:
    """Universes that together show each estimand every program, and every combination of the options it takes."""
    takes = {estimand.name: estimand.takes for estimand in plan.wanted.estimands}
    seen = set()
    for one in waiting:
        program = plan.program_of[one.key]
        universe = program.members[one.key].universe
        for name in one.names:
            shown = name, program.id, tuple(universe[taken] for taken in takes[name]), tuple(sorted(one.asked.items()))
            if shown not in seen:
                seen.add(shown)
                yield one, name


def _answered(store: Store, plan: Plan, engine: Any, run: str, one: Owed, outcome: Outcome) -> Outcome:
    asked = {each.name: each for each in getattr(engine, "engines", ())}
    program, gate = plan.program_of[one.key], getattr(asked.get(outcome.engine, engine), "gate", None)
    found = answer(outcome, program, plan.wanted.estimands, one.names, one.asked, gate)
    if isinstance(found, NotKept):
        raise StoreError(_refusal(store, plan, run, [one], found.estimand, list(found.sites)))
    return found


def _old_rows(store: Store, some: Sequence[Owed]) -> Table:
    """The rows of these universes with all their columns, in the order given."""
    tables = []
    for batch in dict.fromkeys(one.batch for one in some):
        part = store.get("part", batch)
        rows = {at: i for i, at in enumerate(zip(part["key"].to_pylist(), part["attempt"].to_pylist(), strict=True))}
        tables.append(part.take([rows[one.key, one.attempt] for one in some if one.batch == batch]))
    return parquet.union(tables).combine_chunks()


def _handed(store: Store, some: Sequence[Owed]) -> list[Outcome]:
    """The universes that hand something on to other batches, which then read it under the new name."""
    at = {(one.key, one.attempt) for one in some}
    with_artefact = {one.batch for one in some} & store.names("artefact")
    outcomes = (outcome for batch in sorted(with_artefact) for outcome in given_by(store, batch))
    return [outcome for outcome in outcomes if outcome.handed and (outcome.key, outcome.attempt) in at]


def _part(table: Table, outcomes: Sequence[Outcome], plan: Plan, run: str, batch: str, some: Sequence[Owed]) -> Table:
    """The new part: the outcomes, and every column of the old rows that is not made of them."""
    keys = table["key"].to_pylist()
    part = encode(
        outcomes,
        run=run,
        engine="",
        batch=batch,
        program=dict(zip(keys, table["program"].to_pylist(), strict=True)),
        rows_kept=dict(zip(keys, table["rows_kept"].to_pylist(), strict=True)),
        host="",
        finished=datetime.now(UTC),
        same_as=dict(zip(keys, table[SAME_AS].to_pylist(), strict=True)) if SAME_AS in table.column_names else {},
    )
    # who made the draws, from what and where, which their bits may depend on
    for name in {"engine", "host", READS, PURPOSE} & set(table.column_names):
        part = part.set_column(part.column_names.index(name), part.schema.field(name), table[name])
    asked = [
        [plan.wanted.identities.get(name, one.asked.get(name)) for name in o.estimates]
        for o, one in zip(outcomes, some, strict=True)
    ]
    part = part.append_column(ASKED, pa.array(asked, pa.list_(pa.string())))
    for name in table.column_names:
        if name not in part.column_names:
            part = part.append_column(table.schema.field(name), table[name])
    return part


def _batch(plan: Plan, run: str, some: Sequence[Owed]) -> str:
    settings = {"run": run, "estimands": dict(plan.wanted.identities)}
    attempts = [f"{one.key} {one.attempt}" for one in some]
    return batch_id("re-estimate", settings, 1, attempts, sorted({one.batch for one in some}))

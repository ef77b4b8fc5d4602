"""Whether a store's answers can be had again: a random sample of universes is answered once more and compared."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from multiverse.engines.outcome import Reason
from multiverse.errors import Problem, ResultError
from multiverse.planning.build import plan as make_plan
from multiverse.planning.plan import Plan
from multiverse.progress import Progress, bar
from multiverse.rerun.again import Map, alike, answer_again, one_by_one
from multiverse.rerun.answers import Answer, read_answers, with_draws
from multiverse.rerun.environment import differences_here, record_at
from multiverse.rerun.recorded_design import recorded_design
from multiverse.rerun.source import engine_of, recorded_settings, refuse_another, study_of
from multiverse.store.contract import Store
from multiverse.store.plan_table import decode_plan
from multiverse.store.records import latest, read_runs
from multiverse.study import Study
from multiverse.verify.pair import Pair, checked, limit_for, pair
from multiverse.verify.verification import Verification

SAMPLE: Final = 20  # universes: if one in ten could not be had again, 88 % of such samples would show it
OF_THE_MACHINE: Final = frozenset({Reason.time, Reason.crash})  # what a clock or a full memory decided, decides anew


def verify(
    store: Store,
    run: str,
    study: Study | Plan | str | Path | None = None,
    *,
    n: int | None = SAMPLE,
    seed: int = 0,
    engine: Any = None,
    together: Map = one_by_one,
    progress: Progress = bar,
) -> Verification:
    """Answer a random sample of a run's universes again and compare them with the store. Writes nothing.

    Red universes are taken too. Where versions and hardware are those recorded, everything must be equal to the last
    bit; elsewhere means, sds and quantiles must agree within Monte Carlo error, at a level for all of them together.

    study: the study, its plan or its file; None: the file that the run recorded. n: how many, spread over programs as
    universes are; None: all. seed: of the sample. engine: the engine itself, where it is not one of ours. together:
    the `map` of an executor. Raises ResultError where nothing is answered, or where the study was changed since.
    """
    records = [record for record in read_runs(store) if record.run == run]
    record = latest(records)[run]
    declared, whence = study_of(record, study)
    chosen = engine_of(record, engine)
    recorded = decode_plan(store.get("plan", record.plan))
    if isinstance(study, Plan):
        plan = study
    else:
        plan = make_plan(declared, design=recorded_design(recorded, declared.space), progress=progress)
    refuse_another(store, plan.identity, whence)
    planned = {universe.key for universe in recorded.universes}
    answers = {
        key: answer
        for key, answer in read_answers(store, run).items()
        if key in planned and answer.outcome.final and answer.outcome.reason not in OF_THE_MACHINE
    }
    there = {key: answer for key, answer in answers.items() if key in plan.universes}
    if not there:
        raise ResultError(
            Problem(
                f"the run {run!r} of {store.describe()} has answered no universe that the study has.",
                "a run with answers, and the study that it answered",
                "run it first, or name its study with --study",
            )
        )
    taken = sample(there, n, seed)
    plan = plan.keeping(recorded_settings(record).get("keep", "estimands"))
    pairs: list[Pair] = []
    with progress("answering universes again", len(taken), "universes") as advance:
        for outcomes, batch in answer_again(chosen, plan, taken, store, together):
            stored = with_draws(store, run, [taken[outcome.key] for outcome in outcomes])
            for now in outcomes:
                answer = taken[now.key]
                call = record_at(records, answer.drawn)
                other = ["another program"] if batch is not None and batch.program.id != answer.program else []
                pairs.append(
                    pair(answer, stored[now.key], now, alike(answer, plan, call), (*differences_here(call), *other))
                )
            advance(len(outcomes))
    limit = limit_for(pairs)
    told = tuple(dict.fromkeys(what for found in pairs for what in found.elsewhere))
    return Verification(
        run,
        len(there),
        len(answers) - len(there),
        tuple(checked(found, limit) for found in pairs),
        limit,
        told,
        sum(answer.same_as is not None for answer in taken.values()),
    )


def sample(answers: Mapping[str, Answer], n: int | None, seed: int) -> dict[str, Answer]:
    """`n` of the answers at random, spread over programs as evenly as their shares allow; all for None, or if fewer."""
    if n is None or n >= len(answers):
        return dict(answers)
    source = random.Random(seed)
    shares: dict[str, list[str]] = {}
    for key in sorted(answers):
        shares.setdefault(answers[key].program, []).append(key)
    placed = []
    for program in sorted(shares):
        keys = source.sample(shares[program], len(shares[program]))
        # where each stands if programs are dealt evenly; the jitter decides between programs of one size
        placed += [((i + source.random()) / len(keys), key) for i, key in enumerate(keys)]
    return {key: answers[key] for _, key in sorted(placed)[:n]}

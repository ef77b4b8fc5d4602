"""Universes answered again as they were: the same program, the same attempt, the engine's own `ask` and `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

from multiverse.engines.engine import Batch, Engine
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.reweight.families import ANCHOR
from multiverse.planning.plan import Plan
from multiverse.progress import Progress
from multiverse.re_estimate.owed import ESTIMANDS
from multiverse.rerun.answers import Answer
from multiverse.rerun.as_they_ran import as_they_ran
from multiverse.rerun.work_again import WorkAgain
from multiverse.store.contract import Store
from multiverse.store.records import RunRecord

WHOLE = frozenset({ANCHOR})  # purposes of batches whose universes are told of each other: answered again together
Map: TypeAlias = Callable[[WorkAgain, Sequence[Batch]], Iterable[tuple[Batch, tuple[Outcome, ...]]]]
"""Work on batches, as an executor's `map`: gives each with its outcomes, in any order."""


def one_by_one(work: WorkAgain, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
    """Work on batches in this thread, in order."""
    for batch in batches:
        yield batch, work(batch)


@contextmanager
def answering(executor: Any, progress: Progress) -> Iterator[Map]:
    """The `map` of an executor, which is started before and let go afterwards; `one_by_one` for None."""
    if executor is None:
        yield one_by_one
        return
    with closing(executor):
        executor.start(progress)
        yield executor.map


def who_answered(engine: Any, answer: Answer) -> Any:
    """The engine that answered a universe: the run's own, or one that it asked."""
    asked = {one.name for one in getattr(engine, "engines", ())}
    return engine.engine_for(answer.outcome.engine, answer.purpose) if answer.outcome.engine in asked else engine


def batches_again(engine: Engine[Any], plan: Plan, answers: Mapping[str, Answer], store: Store) -> list[Batch]:
    """The first round of batches that answer these universes of a plan again; none where it lacks what they read."""
    asked, own = _by_who(engine, answers)
    begun = [_as_recorded(batch, own) for batch in engine.ask(_begin(engine, plan, own))] if own else []
    return [*begun, *_as_they_were(plan, asked, store)]


def alike(answer: Answer, plan: Plan, call: RunRecord) -> frozenset[str]:
    """The estimands that mean in the plan what they meant when the universe was answered, in this call of the run."""
    before = call.sections.get(ESTIMANDS, {})
    now = plan.wanted.identities
    return frozenset(name for name, said in answer.asked.items() if now.get(name) == (said or before.get(name)))


def answer_again(
    engine: Engine[Any],
    plan: Plan,
    answers: Mapping[str, Answer],
    store: Store,
    together: Map = one_by_one,
) -> Iterator[tuple[list[Outcome], Batch | None]]:
    """Each of these universes once more, with its draws, at the attempt that counts; batch by batch, in any order.

    The engine is told of the attempts before it, as a sweep that goes on tells it, so it asks for this attempt by
    itself: which settings or program a further attempt has is the engine's own affair. Universes that the plan cannot
    answer come with the plan's reasons and no batch. One that shares the answer of an exact duplicate is answered with
    its own data and options, and the random numbers of that one. Nothing is written.
    """
    left = {key for key in answers if key not in plan.failures}
    if failures := sorted(answers.keys() - left):
        yield [_unanswerable(plan, answers[key]) for key in failures], None
    for renamed in as_they_ran(plan, [answers[key] for key in answers if key in left]):
        for outcomes, batch in _again(engine, renamed.plan, renamed.answers, store, together):
            yield renamed.back(outcomes), batch


def _again(
    engine: Engine[Any], plan: Plan, answers: Mapping[str, Answer], store: Store, together: Map
) -> Iterator[tuple[list[Outcome], Batch]]:
    work = WorkAgain(store, engine)
    asked, answers = _by_who(engine, answers)
    for batch, outcomes in together(work, _as_they_were(plan, asked, store)) if asked else ():
        yield [outcome for outcome in outcomes if outcome.key in asked], batch
    if not answers:
        return
    left = set(answers)
    state = _begin(engine, plan, answers)
    while left and (next_ones := engine.ask(state)):
        wanted = [_as_recorded(batch, answers) for batch in next_ones if not left.isdisjoint(batch.keys)]
        if not wanted:
            return
        for batch, outcomes in together(work, wanted):
            found = [o for o in outcomes if o.key in left and o.attempt >= answers[o.key].outcome.attempt]
            left -= {outcome.key for outcome in found}
            if found:
                yield found, batch
            state = engine.tell(state, batch, [outcome.light() for outcome in outcomes])


def _by_who(engine: Any, answers: Mapping[str, Answer]) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """Answers of engines that the run's own engine asked, or that hang on other batches; and all others."""
    asked = {
        key: answer
        for key, answer in answers.items()
        if who_answered(engine, answer) is not engine or answer.reads or answer.purpose
    }
    return asked, {key: answer for key, answer in answers.items() if key not in asked}


def _as_they_were(plan: Plan, answers: Mapping[str, Answer], store: Store) -> list[Batch]:
    """Batches of universes that were fitted alike: same engine, attempt, purpose, and same batches to read."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    programs = {program.id: program for program in plan.programs}
    for key in sorted(answers):
        answer, program = answers[key], plan.program_of[key]
        block = int(answer.outcome.diagnostics.get("block", 1))
        whole = answer.batch if answer.purpose in WHOLE else ""
        how = (program.id, answer.outcome.engine, answer.outcome.attempt, answer.purpose, answer.reads, block, whole)
        alike.setdefault(how, []).append(key)
    batches = []
    for (program_id, engine, attempt, purpose, reads, block, whole), some in alike.items():
        keys = sorted(set(store.get("part", whole, ["key"])["key"].to_pylist())) if whole else some
        read = {name: store.get("part", name, ["program"])["program"][0].as_py() for name in reads}
        beside = {name: programs[of] for name, of in read.items() if of in programs}
        if len(beside) == len(read):
            name = answers[some[0]].batch
            batch = Batch(name, programs[program_id], tuple(keys), plan.wanted, block, attempt, reads, engine, purpose)
            batches.append(replace(batch, beside=beside))
    return batches


def _begin(engine: Engine[Any], plan: Plan, answers: Mapping[str, Answer]) -> Any:
    before = [outcome.light() for answer in answers.values() for outcome in answer.before]
    return engine.init(plan.without(plan.universes.keys() - answers.keys()), before)


def _as_recorded(batch: Batch, answers: Mapping[str, Answer]) -> Batch:
    """The batch with the block that was recorded: a block of another size may have other bits."""
    blocks = {int(answers[key].outcome.diagnostics.get("block", 0)) for key in batch.keys if key in answers} - {0}
    return replace(batch, block=blocks.pop()) if len(blocks) == 1 else batch


def _unanswerable(plan: Plan, answer: Answer) -> Outcome:
    failure, attempt = plan.failures[answer.key], answer.outcome.attempt
    return Outcome(answer.key, Reason[failure.stage], failure.message, failure.traceback, attempt=attempt)

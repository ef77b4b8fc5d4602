"""A sweep that stops when its running summary is known well enough, and goes on when asked to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

import multiverse as mv
from multiverse.aggregate.running import SAMPLING, WORST, running
from multiverse.aggregate.stop_when import FEWEST_BATCHES, StopWhen
from multiverse.engines.engine import Batch
from multiverse.engines.functions.engine import Function
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError
from multiverse.executors.executor import Executor, Work
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.stopping import Stopping
from multiverse.store.contract import Store
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.store.records import latest, read_runs
from multiverse.store.running_rows import running_rows
from multiverse.sweep import run


@dataclass(frozen=True)
class InTurn(Executor):
    """One batch after the other, each when it is asked for."""

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for batch in batches:
            yield batch, work(batch)


@dataclass(frozen=True)
class Unsure(Function):
    """Says nothing of its order: an engine that adapts."""

    one_shot = False


def prepare(raw: float, *, cut: float) -> float:
    return min(raw, cut)


def estimate(data: float, *, slope: float, shift: float) -> mv.Estimate:
    return mv.Estimate(slope * 0.1 + shift * 0.01 - data, 0.1)


@pytest.fixture(scope="module")
def planned() -> Plan:
    """1,800 universes in one program, half of them a duplicate of another one: neither cut takes anything away."""
    numbers = {name: {str(i): float(i) for i in range(30)} for name in ("slope", "shift")}
    options = {name: mv.decision("data", values) for name, values in numbers.items()}
    space = mv.Space(**options, cut=mv.preprocessing({"at two": 2.0, "at three": 3.0}))
    return mv.plan(mv.Study("steps", data=1.0, prepare=prepare, estimate=estimate, space=space))


def sweep(plan: Plan, store: Store, **options: object) -> Results:
    told = {"engine": Function(), "executor": InTurn(), "progress": no_progress} | options
    return run(plan, store=store, **told)


@pytest.fixture(scope="module")
def stopped(planned: Plan) -> tuple[Store, Results]:
    store = MemoryStore()
    return store, sweep(planned, store, stop_when=StopWhen(share=0.2))


def test_it_stops_and_says_why(planned: Plan, stopped: tuple[Store, Results]) -> None:
    _, results = stopped
    status = results.status()
    assert 0 < status["answered"] < status["planned"] == len(planned) == 1800
    assert "is known to" in results.stopped and "0.2 was asked" in results.stopped
    told = results.running()
    assert told.interval == SAMPLING and told.share.width <= 0.2
    assert told.batches >= FEWEST_BATCHES
    assert told.answered == status["answered"]


def test_no_batch_is_begun_after_it(stopped: tuple[Store, Results]) -> None:
    store, results = stopped
    shared = {name for name in store.names("part") if (store.get("part", name)["same_as"].null_count == 0)}
    assert len(store.names("part") - shared) == results.running().batches


def test_asked_again_it_runs_nothing(planned: Plan, stopped: tuple[Store, Results]) -> None:
    store, results = stopped
    before = store.names("part")
    again = sweep(planned, store, stop_when=StopWhen(share=0.2))
    assert again.stopped and store.names("part") == before
    assert str(again.running()) == str(results.running())


def test_without_it_the_same_call_goes_on(planned: Plan, stopped: tuple[Store, Results]) -> None:
    store, results = stopped
    partial = results.running()
    whole = sweep(planned, store)
    assert not whole.stopped and whole.status()["answered"] == 1800
    never = sweep(planned, MemoryStore())
    assert end_state(whole.store).equals(end_state(never.store))
    told = whole.running()
    assert partial.share.low <= told.share.value <= partial.share.high
    assert partial.median.low <= told.median.value <= partial.median.high
    assert told.share.value == pytest.approx(whole.agreement().claims[0].share)
    assert told.median.value == pytest.approx(whole.summary().median)


def test_an_engine_that_adapts_stops_by_the_worst_case(planned: Plan) -> None:
    store = MemoryStore()
    results = sweep(planned, store, engine=Unsure(), stop_when=StopWhen(share=0.5))
    answered = results.status()["answered"]
    assert 900 <= answered < 1100  # bounds are half wide when half is answered
    assert "whatever the missing universes say" in results.stopped


def test_what_it_keeps_in_memory_is_what_the_store_holds(planned: Plan) -> None:
    """The summary of the outcomes told, batch by batch, is that of the store."""
    store = MemoryStore()
    sweep(planned.without(planned.keys[200:]), store)  # a sweep before: a plan of its own
    seen = []

    @dataclass(frozen=True)
    class Watched(InTurn):
        def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
            stopping = Stopping(StopWhen(share=1e-9), store, "main", Function(), [k for b in batches for k in b.keys])
            for batch, outcomes in super().map(work, batches):
                following = {key: twins[key] for key in batch.keys if key in twins}
                stopping.after(outcomes, following)
                rows = running_rows(store, latest(read_runs(store))["main"])
                mine = running("estimate", stopping._table.assign(**stopping._columns), one_shot=True)
                seen.append((str(mine), str(running("estimate", rows.of("estimate"), one_shot=True))))
                yield batch, outcomes

    twins: dict[str, list[str]] = {}
    for key, first in planned.twins.items():
        twins.setdefault(first, []).append(key)
        twins.setdefault(key, []).append(first)
    sweep(planned, store, executor=Watched())
    assert len(seen) > 5
    assert all(mine == stored for mine, stored in seen)


def test_red_ones_tried_again_are_open_and_no_random_sample() -> None:
    def sometimes(data: float, *, a: float) -> float:
        return np.log(np.where(a > 30, -1.0, 1.0 + a))  # not a number where a is large

    study = mv.Study(
        "reds",
        data=1.0,
        estimate=sometimes,
        space=mv.Space(a=mv.decision("data", {str(i): float(i) for i in range(60)})),
    )
    plan, store = mv.plan(study), MemoryStore()
    red = [row["key"] for _, row in sweep(plan, store).table().iterrows() if not row["ok"]]
    assert len(red) == 29
    stopping = Stopping(StopWhen(share=0.05), store, "main", Function(), red)
    assert not stopping.why()
    told = running("estimate", stopping._table.assign(**stopping._columns), one_shot=stopping._one_shot)
    assert told.interval == WORST and told.counts.unanswered == 29
    again = sweep(plan, store, retry="failures", stop_when=StopWhen(share=0.05))
    assert not again.stopped
    assert set(again.failures()["attempt"]) == {2}  # all were tried again


def test_an_estimand_that_is_not_there(planned: Plan) -> None:
    with pytest.raises(PlanError, match="stop_when names the estimand 'estimat'.*\n.*\n.*Did you mean 'estimate'"):
        sweep(planned, MemoryStore(), stop_when=StopWhen(share=0.1, estimand="estimat"))

"""The loop: any engine, any executor, failures as outcomes, settings and questions that change, warnings."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from multiverse.engines.engine import Batch, Engine
from multiverse.engines.laplace.engine import Laplace
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError, StoreError
from multiverse.executors.executor import Executor, Work
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run
from multiverse.testing import EngineSuite, OneShotEngineSuite


@dataclass(frozen=True)
class OneByOne(Executor):
    """An executor in a few lines; raises where it is told to, after so many batches."""

    batches: float = np.inf
    error: BaseException = RuntimeError("the machine stopped")

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for i, batch in enumerate(reversed(batches)):
            if i >= self.batches:
                raise self.error
            yield batch, work(batch)


class TestOneRound(OneShotEngineSuite):
    @pytest.fixture
    def engine(self, exact_engines: ModuleType) -> Engine[Any]:
        engine: Engine[Any] = exact_engines.OneRound()
        return engine

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


class TestTwoRounds(EngineSuite):
    @pytest.fixture
    def engine(self, exact_engines: ModuleType) -> Engine[Any]:
        engine: Engine[Any] = exact_engines.TwoRounds()
        return engine

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


def test_an_engine_and_an_executor_of_a_few_lines_are_enough(
    twelve: Plan, exact_engines: ModuleType, normal_mean: ModuleType
) -> None:
    results = run(twelve, engine=exact_engines.OneRound(), executor=OneByOne(), progress=no_progress)
    assert results.status() == {"planned": 12, "answered": 12, "green": 12, "red": 0}
    for row in results.table().to_dict("records"):
        exact = normal_mean.exact(row)
        assert (row["mean"], row["sd"], row["engine"]) == (exact.mean, exact.sd, "one_round")
    assert results.draws()["mu"].shape == (12, 2, 50)


def test_a_study_is_planned_first(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    results = run(normal_mean.study(normal_mean.space(1, 1, 1)), engine=exact_engines.OneRound(), progress=no_progress)
    assert results.status()["answered"] == 1


def test_what_was_answered_is_not_answered_again(twelve: Plan, exact_engines: ModuleType, fitted: list[str]) -> None:
    store = MemoryStore()
    for _ in range(2):
        run(twelve, store=store, engine=exact_engines.OneRound(), progress=no_progress)
    assert len(fitted) == 3


@pytest.mark.parametrize("error", [RuntimeError("the machine stopped"), KeyboardInterrupt()])
@pytest.mark.parametrize("stopped_after", [0, 1, 2])
def test_a_stopped_run_goes_on_where_it_was(
    twelve: Plan, exact_engines: ModuleType, fitted: list[str], stopped_after: int, error: BaseException
) -> None:
    store, whole = MemoryStore(), MemoryStore()
    engine = exact_engines.OneRound()
    run(twelve, store=whole, engine=engine, progress=no_progress)
    fitted.clear()
    with pytest.raises(type(error)):
        run(twelve, store=store, engine=engine, executor=OneByOne(stopped_after, error), progress=no_progress)
    assert len(fitted) == stopped_after
    run(twelve, store=store, engine=engine, progress=no_progress)
    assert end_state(store).equals(end_state(whole))
    assert len(fitted) == 3


def test_an_engine_that_adapts_is_told_what_the_store_holds(
    twelve: Plan, exact_engines: ModuleType, fitted: list[str]
) -> None:
    store, whole = MemoryStore(), MemoryStore()
    engine = exact_engines.TwoRounds()
    run(twelve, store=whole, engine=engine, progress=no_progress)
    assert len(fitted) == 12
    fitted.clear()
    with pytest.raises(RuntimeError, match="machine"):  # in the second round
        run(twelve, store=store, engine=engine, executor=OneByOne(4), progress=no_progress)
    assert len(fitted) == 1 + 4
    run(twelve, store=store, engine=engine, progress=no_progress)
    assert len(fitted) == len(set(fitted)) == 12
    assert end_state(store).equals(end_state(whole))
    anchors = Results(store, "main").sql("select distinct anchor from diagnostics where anchor is not null")
    assert len(anchors) == 1  # each universe of the second round read its anchor's part
    run(twelve, store=store, engine=engine, progress=no_progress)
    assert len(fitted) == 12


@dataclass(frozen=True)
class Elsewhere(OneByOne):
    """An executor whose machines are not this one. started: how often they were."""

    started: list[int] = field(default_factory=list)

    @property
    def in_process(self) -> bool:
        return False

    def start(self, progress: Any) -> None:
        self.started.append(1)


def test_machines_are_started_only_for_what_can_and_must_be_done(
    twelve: Plan, exact_engines: ModuleType, tmp_path: Path
) -> None:
    engine, elsewhere = exact_engines.OneRound(), Elsewhere()
    with pytest.raises(StoreError, match="in the memory of this process"):
        run(twelve, engine=engine, executor=elsewhere, progress=no_progress)
    run(twelve, store=tmp_path / "store", engine=engine, progress=no_progress)
    with pytest.raises(StoreError, match="has other settings"):
        run(twelve, store=tmp_path / "store", engine=engine, seed=9, executor=elsewhere, progress=no_progress)
    results = run(twelve, store=tmp_path / "store", engine=engine, executor=elsewhere, progress=no_progress)
    assert results.status()["green"] == 12 and not elsewhere.started
    run(twelve, store=tmp_path / "new", engine=engine, executor=elsewhere, progress=no_progress)
    assert elsewhere.started == [1]


@dataclass(frozen=True)
class Waiting(Elsewhere):
    """Begins with its first batch only when somebody was told what is waited for."""

    told: threading.Event = field(default_factory=threading.Event)

    def note(self) -> str:
        return "waiting for a worker"

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        assert self.told.wait(60)
        yield from super().map(work, batches)


def test_what_machines_wait_for_is_told_before_anything_is_done(
    twelve: Plan, exact_engines: ModuleType, tmp_path: Path
) -> None:
    executor = Waiting()

    def watch(title: str, total: int, unit: str) -> AbstractContextManager[Callable[..., None]]:
        def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
            if note == "waiting for a worker":
                executor.told.set()

        return nullcontext(advance)

    engine = exact_engines.OneRound()
    assert run(twelve, store=tmp_path, engine=engine, executor=executor, progress=watch).status()["green"] == 12


def test_progress_counts_what_was_open(twelve: Plan, exact_engines: ModuleType) -> None:
    counted: list[tuple[int, int]] = []

    def watch(title: str, total: int, unit: str) -> AbstractContextManager[Callable[..., None]]:
        counted.append((total, 0))

        def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
            counted[-1] = (counted[-1][0] + more, counted[-1][1] + count)

        return nullcontext(advance)

    store, engine = MemoryStore(), exact_engines.TwoRounds()
    with pytest.raises(RuntimeError):
        run(twelve, store=store, engine=engine, executor=OneByOne(4), progress=watch)
    run(twelve, store=store, engine=engine, progress=watch)
    assert counted == [(12, 5), (7, 7)]


# Failures are outcomes.


@dataclass(frozen=True)
class Raises:
    """The exact engine, but the batch with this universe raises as a whole."""

    inner: Any
    key: str
    error: str = "ArithmeticError"
    name: str = "raises"

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Any:
        return self.inner.init(plan, before)

    def ask(self, state: Any) -> Sequence[Batch]:
        batches: Sequence[Batch] = self.inner.ask(state)
        return batches

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        outcomes: tuple[Outcome, ...] = self.inner.fit(batch, given)
        if self.key in batch.keys:
            raise getattr(builtins, self.error)("singular")
        return outcomes

    def tell(self, state: Any, batch: Batch, outcomes: Sequence[Outcome]) -> Any:
        return self.inner.tell(state, batch, outcomes)


def test_of_a_batch_that_raises_only_the_universe_that_is_to_blame_is_red(
    twelve: Plan, exact_engines: ModuleType, fitted: list[str]
) -> None:
    """The batch raises as a whole; then its universes are fitted one by one."""
    store, engine = MemoryStore(), Raises(exact_engines.OneRound(), twelve.reference)
    results = run(twelve, store=store, engine=engine, progress=no_progress)
    assert results.status() == {"planned": 12, "answered": 12, "green": 11, "red": 1}
    (failure,) = results.failures().to_dict("records")
    assert (failure["key"], failure["reason"], failure["message"]) == (
        twelve.reference,
        "error",
        "ArithmeticError: singular",
    )
    assert "in fit" in failure["traceback"] and "ArithmeticError: singular" in failure["traceback"]
    assert results.table()["mean"].isna().sum() == 1
    assert np.isnan(results.draws()["mu"].sel(universe=twelve.reference)).all()
    assert len(store.names("part")) == 3
    done = len(fitted)
    run(twelve, store=store, engine=engine, progress=no_progress)
    assert len(fitted) == done == 3 + 4


def test_a_machine_without_memory_is_no_fault_of_the_universe(twelve: Plan, exact_engines: ModuleType) -> None:
    store, engine = MemoryStore(), Raises(exact_engines.OneRound(), twelve.reference, "MemoryError")
    with pytest.raises(MemoryError):
        run(twelve, store=store, engine=engine, progress=no_progress)
    assert twelve.reference not in end_state(store)["key"].to_pylist()


def raises_when_narrow(draws: Mapping[str, Any], data: Any, *, prior: Any) -> Any:
    """Right while it is planned, with few draws; then wrong for one option."""
    if prior.scale < 0.5 and len(draws["mu"]) > 7:
        raise LookupError("no table for this prior")
    return draws["mu"]


def nan_when_far(draws: Mapping[str, Any], data: Any, *, prior: Any) -> Any:
    return np.sqrt(np.where((prior.loc == 0.0) | (len(draws["mu"]) == 7), 1.0, np.nan)) * draws["mu"]


def test_estimands_that_fail_are_red_in_their_universes_only(normal_mean: ModuleType) -> None:
    study = normal_mean.study(
        normal_mean.space(["wide", "narrow", "far"], 2, 2),
        estimands={"mu": "mu", "raises": raises_when_narrow, "nan": nan_when_far},
    )
    store, engine = MemoryStore(), Laplace(draws=200, starts=2)
    results = run(study, store=store, engine=engine, progress=no_progress)
    assert results.status() == {"planned": 12, "answered": 12, "green": 4, "red": 8}
    failures = results.failures().set_index("prior")
    assert len(failures) == 8
    assert set(failures.loc["narrow", "reason"]) == {"estimand"}
    assert set(failures.loc["narrow", "message"]) == {
        "the estimand 'raises' raised LookupError: no table for this prior"
    }
    assert all("raises_when_narrow" in text for text in failures.loc["narrow", "traceback"])
    assert set(failures.loc["far", "reason"]) == {"estimand"}
    assert set(failures.loc["far", "message"]) == {"the estimand 'nan' is not finite in 200 of 200 draws"}
    assert results.table("mu")["mean"].notna().all()  # the other questions are answered
    assert set(results.table("nan").query("mean.isna()")["prior"]) == {"far"}
    before = end_state(store)
    batches = store.names("part")
    run(study, store=store, engine=engine, progress=no_progress)
    assert store.names("part") == batches and end_state(store).equals(before)


# What a person may write.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"engine": "nut"}, r"no engine 'nut'.*\n.*\n.*Did you mean 'nuts'"),
        ({"executor": "locl"}, r"no executor 'locl'.*\n.*\n.*Did you mean 'local'"),
        ({"keep": ["twise"]}, r"keep names 'twise'.*\n.*mu, residual, twice\n.*Did you mean 'twice'"),
        ({"keep": "muu"}, r"keep names 'muu'"),
    ],
)
def test_what_is_not_known_is_named_with_the_near_miss(twelve: Plan, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        run(twelve, progress=no_progress, **arguments)

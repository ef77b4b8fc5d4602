"""The loop: any engine, any executor, failures as outcomes, settings and questions that change, warnings."""

from __future__ import annotations

import builtins
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from multiverse.engines.engine import Batch, Engine
from multiverse.engines.outcome import Outcome
from multiverse.errors import FingerprintError, PlanError, StoreError
from multiverse.executors.executor import Work
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.results import Results
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.sweep import FLOAT32_LOG_JOINT_MAX, run
from multiverse.testing import EngineSuite, OneShotEngineSuite


@dataclass(frozen=True)
class OneByOne:
    """An executor in a few lines; raises where it is told to, after so many batches."""

    batches: float = np.inf
    error: BaseException = RuntimeError("the machine stopped")
    workers: int = 1

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for i, batch in enumerate(reversed(batches)):
            if i >= self.batches:
                raise self.error
            yield batch, work(batch)


@pytest.fixture(scope="module")
def twelve(normal_mean: ModuleType) -> Plan:
    return plan(normal_mean.study(normal_mean.space(3, 2, 2)))


@pytest.fixture
def fitted(exact_engines: ModuleType) -> list[str]:
    """The batches that the exact engines fit from now on."""
    exact_engines.FITTED.clear()
    batches: list[str] = exact_engines.FITTED
    return batches


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


def silent(title: str, total: int, unit: str) -> AbstractContextManager[Callable[..., None]]:
    return nullcontext(lambda count=1, **_: None)


def test_an_engine_and_an_executor_of_a_few_lines_are_enough(
    twelve: Plan, exact_engines: ModuleType, normal_mean: ModuleType
) -> None:
    results = run(twelve, engine=exact_engines.OneRound(), executor=OneByOne(), progress=silent)
    assert results.status() == {"planned": 12, "answered": 12, "green": 12, "red": 0}
    for row in results.table().to_dict("records"):
        exact = normal_mean.exact(row)
        assert (row["mean"], row["sd"], row["engine"]) == (exact.mean, exact.sd, "one_round")
    assert results.draws()["mu"].shape == (12, 2, 50)


def test_a_study_is_planned_first(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    results = run(normal_mean.study(normal_mean.space(1, 1, 1)), engine=exact_engines.OneRound(), progress=silent)
    assert results.status()["answered"] == 1


def test_what_was_answered_is_not_answered_again(twelve: Plan, exact_engines: ModuleType, fitted: list[str]) -> None:
    store = MemoryStore()
    for _ in range(2):
        run(twelve, store=store, engine=exact_engines.OneRound(), progress=silent)
    assert len(fitted) == 3


@pytest.mark.parametrize("error", [RuntimeError("the machine stopped"), KeyboardInterrupt()])
@pytest.mark.parametrize("stopped_after", [0, 1, 2])
def test_a_stopped_run_goes_on_where_it_was(
    twelve: Plan, exact_engines: ModuleType, fitted: list[str], stopped_after: int, error: BaseException
) -> None:
    store, whole = MemoryStore(), MemoryStore()
    engine = exact_engines.OneRound()
    run(twelve, store=whole, engine=engine, progress=silent)
    fitted.clear()
    with pytest.raises(type(error)):
        run(twelve, store=store, engine=engine, executor=OneByOne(stopped_after, error), progress=silent)
    assert len(fitted) == stopped_after
    run(twelve, store=store, engine=engine, progress=silent)
    assert end_state(store).equals(end_state(whole))
    assert len(fitted) == 3


def test_an_engine_that_adapts_is_told_what_the_store_holds(
    twelve: Plan, exact_engines: ModuleType, fitted: list[str]
) -> None:
    store, whole = MemoryStore(), MemoryStore()
    engine = exact_engines.TwoRounds()
    run(twelve, store=whole, engine=engine, progress=silent)
    assert len(fitted) == 12
    fitted.clear()
    with pytest.raises(RuntimeError, match="machine"):  # in the second round
        run(twelve, store=store, engine=engine, executor=OneByOne(4), progress=silent)
    assert len(fitted) == 1 + 4
    run(twelve, store=store, engine=engine, progress=silent)
    assert len(fitted) == len(set(fitted)) == 12
    assert end_state(store).equals(end_state(whole))
    anchors = Results(store, "main").sql("select distinct anchor from diagnostics where anchor is not null")
    assert len(anchors) == 1  # each universe of the second round read its anchor's part
    run(twelve, store=store, engine=engine, progress=silent)
    assert len(fitted) == 12


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

    def init(self, plan: Plan) -> Any:
        return self.inner.init(plan)

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


def test_a_batch_that_raises_is_red_and_the_rest_is_answered(
    twelve: Plan, exact_engines: ModuleType, fitted: list[str]
) -> None:
    store, engine = MemoryStore(), Raises(exact_engines.OneRound(), twelve.reference)
    results = run(twelve, store=store, engine=engine, progress=silent)
    assert results.status() == {"planned": 12, "answered": 12, "green": 8, "red": 4}
    failures = results.failures()
    assert set(failures["reason"]) == {"error"} and set(failures["message"]) == {"ArithmeticError: singular"}
    assert all("in fit" in text and "ArithmeticError: singular" in text for text in failures["traceback"])
    assert twelve.reference in set(failures["key"])
    assert results.table()["mean"].isna().sum() == 4
    assert np.isnan(results.draws()["mu"].sel(universe=twelve.reference)).all()
    run(twelve, store=store, engine=engine, progress=silent)
    assert len(fitted) == 3


def test_a_machine_without_memory_is_no_fault_of_the_universe(twelve: Plan, exact_engines: ModuleType) -> None:
    store, engine = MemoryStore(), Raises(exact_engines.OneRound(), twelve.reference, "MemoryError")
    with pytest.raises(MemoryError):
        run(twelve, store=store, engine=engine, progress=silent)
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
    store = MemoryStore()
    results = run(study, store=store, engine=normal_mean.QUICK, progress=silent)
    assert results.status() == {"planned": 12, "answered": 12, "green": 4, "red": 8}
    failures = results.failures().set_index("prior")
    assert len(failures) == 8
    assert set(failures.loc["narrow", "reason"]) == {"error"}
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
    run(study, store=store, engine=normal_mean.QUICK, progress=silent)
    assert store.names("part") == batches and end_state(store).equals(before)


# What may change between two calls, and what may not.


def test_changed_settings_are_refused_by_name(twelve: Plan, normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    store, engine = MemoryStore(), exact_engines.OneRound()
    run(twelve, store=store, engine=engine, progress=silent)
    with pytest.raises(StoreError, match="draws: was 50, is 60") as refused:
        run(twelve, store=store, engine=exact_engines.OneRound(draws=60), progress=silent)
    assert "run='longer'" in str(refused.value)
    with pytest.raises(StoreError, match="seed: was 0, is 3"):
        run(twelve, store=store, engine=engine, seed=3, progress=silent)
    with pytest.raises(StoreError, match="keep: was 'estimands', is 'all'"):
        run(twelve, store=store, engine=engine, keep="all", progress=silent)
    with pytest.raises(StoreError, match="engine: was 'one_round', is 'nuts'"):
        run(twelve, store=store, engine=normal_mean.QUICK, progress=silent)
    assert len(store.names("run")) == 1


def test_a_changed_gate_is_a_changed_setting(twelve: Plan, normal_mean: ModuleType) -> None:
    store = MemoryStore()
    nobody = twelve.without(twelve.keys)
    run(nobody, store=store, engine=normal_mean.QUICK, progress=silent)
    stricter = replace(normal_mean.QUICK, gate=replace(normal_mean.OPEN, rhat_max=1.05))
    with pytest.raises(StoreError, match=r"gate\.rhat_max: was inf, is 1\.05"):
        run(nobody, store=store, engine=stricter, progress=silent)


def test_two_runs_with_other_settings_share_a_store(twelve: Plan, exact_engines: ModuleType) -> None:
    store, engine = MemoryStore(), exact_engines.OneRound()
    first = run(twelve, store=store, engine=engine, progress=silent)
    second = run(twelve, store=store, engine=engine, seed=1, run="again", progress=silent)
    assert first.status() == second.status()
    assert len(first.sql("select * from universes")) == 24
    assert not np.array_equal(first.draws()["mu"].values, second.draws()["mu"].values)
    assert len(first.table()) == len(second.table()) == 12
    with pytest.raises(StoreError, match="same settings as the run 'main'"):
        run(twelve, store=store, engine=engine, run="third", progress=silent)


def test_another_run_keeps_other_draws(twelve: Plan, normal_mean: ModuleType) -> None:
    few, store = twelve.without(twelve.keys[2:]), MemoryStore()
    run(few, store=store, engine=normal_mean.QUICK, progress=silent)
    more = run(few, store=store, engine=normal_mean.QUICK, keep=["twice"], run="more", progress=silent)
    kept = more.draws(["mu", "twice"])
    np.testing.assert_array_equal(kept["twice"], 2 * kept["mu"])
    np.testing.assert_array_equal(Results(store, "main").draws()["mu"], kept["mu"])


@pytest.mark.parametrize("part", ["prepare", "model", "data"])
def test_a_changed_study_is_refused_and_named(normal_mean: ModuleType, exact_engines: ModuleType, part: str) -> None:
    def halved(raw: Mapping[str, np.ndarray], *, dropped: int) -> dict[str, np.ndarray]:
        return {"y": raw["y"][dropped:] / 2}

    def doubled(data: Mapping[str, Any], *, prior: Any, noise: float) -> None:
        normal_mean.model({"y": data["y"] * 2}, prior=prior, noise=noise)

    changes = {"prepare": halved, "model": doubled, "data": {"y": normal_mean.Y + 1}}
    space = normal_mean.space(1, 1, 1)
    store = MemoryStore()
    run(normal_mean.study(space), store=store, engine=exact_engines.OneRound(), progress=silent)
    with pytest.raises(StoreError, match=rf"another {part}\."):
        changed = normal_mean.study(space, **{part: changes[part]})
        run(changed, store=store, engine=exact_engines.OneRound(), progress=silent)


def test_options_may_come_and_go_and_only_new_universes_are_answered(
    normal_mean: ModuleType, exact_engines: ModuleType, fitted: list[str]
) -> None:
    store, engine = MemoryStore(), exact_engines.OneRound()

    def answered(priors: int) -> tuple[Results, int]:
        fitted.clear()
        results = run(normal_mean.study(normal_mean.space(priors, 2, 1)), store=store, engine=engine, progress=silent)
        return results, len(fitted)

    assert answered(2)[1] == 1  # 4 universes, a batch of 4
    wider, batches = answered(4)
    assert (batches, wider.status()["answered"]) == (1, 8)
    narrower, batches = answered(2)
    assert (batches, narrower.status()["planned"], len(narrower.table())) == (0, 4, 4)
    again, batches = answered(4)
    assert (batches, again.status()["answered"], len(again.table())) == (0, 8, 8)


def test_a_new_label_is_no_new_universe(normal_mean: ModuleType, exact_engines: ModuleType, fitted: list[str]) -> None:
    store, engine, space = MemoryStore(), exact_engines.TwoRounds(), normal_mean.space(2, 1, 1)
    run(normal_mean.study(space), store=store, engine=engine, progress=silent)
    fitted.clear()
    normal_mean.PRIORS["very wide"] = normal_mean.PRIORS["wide"]
    try:
        renamed = normal_mean.study(normal_mean.space(["very wide", "unit"], 1, 1))
        results = run(renamed, store=store, engine=engine, progress=silent)
    finally:
        del normal_mean.PRIORS["very wide"]
    assert not fitted
    assert set(results.table()["prior"]) == {"very wide", "unit"}


def doubled(draws: Mapping[str, Any]) -> Any:
    return 2 * draws["mu"]


def test_a_new_or_changed_estimand_says_what_must_run_again(normal_mean: ModuleType) -> None:
    store, space, engine = MemoryStore(), normal_mean.space(2, 1, 1), normal_mean.QUICK

    def answer(estimands: Mapping[str, Any], name: str = "main") -> Results:
        return run(normal_mean.study(space, estimands=estimands), store=store, engine=engine, run=name, progress=silent)

    answer({"mu": "mu", "double": doubled})
    with pytest.raises(StoreError, match="answered 2 universes without 'other'") as refused:
        answer({"mu": "mu", "other": doubled})
    assert "run='with other'" in str(refused.value)
    with pytest.raises(StoreError, match="2 universes for another estimand 'double': it has changed"):
        answer({"double": lambda draws: 3 * draws["mu"]})
    fewer = answer({"double": doubled})
    assert fewer.estimands == ("double",)
    assert answer({"double": doubled, "mu": "mu"}).table("mu")["mean"].notna().all()
    beside = answer({"mu": "mu", "other": doubled}, "with other")
    np.testing.assert_array_equal(beside.table("other")["mean"], fewer.table("double")["mean"])
    assert len(store.names("part")) == 2


def test_an_estimand_without_identity_is_an_error(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    mystery = threading.Lock()
    study = normal_mean.study(normal_mean.space(1, 1, 1), estimands={"mu": lambda draws: (draws["mu"], mystery)[0]})
    with pytest.raises((FingerprintError, PlanError), match="lock"):
        run(study, engine=exact_engines.OneRound(), progress=silent)


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
        run(twelve, progress=silent, **arguments)


# A log joint that float32 cannot hold.


@dataclass(frozen=True)
class Large:
    """The exact engine, with a log joint of this size in universes that keep all rows."""

    inner: Any
    log_joint: float
    dtype: str = "float32"
    name: str = "large"

    def init(self, plan: Plan) -> Any:
        return self.inner.init(plan)

    def ask(self, state: Any) -> Sequence[Batch]:
        batches: Sequence[Batch] = self.inner.ask(state)
        return batches

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        members = batch.program.members
        return tuple(
            replace(o, diagnostics={"log_density_mean": self.log_joint if members[o.key].rows_kept == 24 else -30.0})
            for o in self.inner.fit(batch, given)
        )

    def tell(self, state: Any, batch: Batch, outcomes: Sequence[Outcome]) -> Any:
        return self.inner.tell(state, batch, outcomes)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_log_joint_too_large_for_float32_is_warned_of_once(
    twelve: Plan, exact_engines: ModuleType, sign: int
) -> None:
    engine = Large(exact_engines.OneRound(), sign * 1.5 * FLOAT32_LOG_JOINT_MAX)
    with pytest.warns(UserWarning, match=r"log joint of 6 of 12 universes.*\n?.*dtype='float64'") as warned:
        run(twelve, engine=engine, progress=silent)
    assert len(warned) == 1
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    ("log_joint", "dtype"),
    [(0.9 * FLOAT32_LOG_JOINT_MAX, "float32"), (-np.inf, "float32"), (np.nan, "float32"), (-1e6, "float64")],
)
def test_other_log_joints_are_not(twelve: Plan, exact_engines: ModuleType, log_joint: float, dtype: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(twelve, engine=Large(exact_engines.OneRound(), log_joint, dtype), progress=silent)

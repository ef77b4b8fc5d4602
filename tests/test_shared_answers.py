"""Exact duplicates: one is run, the others have its answer, whatever happens to the run on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse import shared_answers
from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.nuts.climb import Climb, begin_climb
from multiverse.engines.nuts.ladder import Rung, next_attempt
from multiverse.engines.outcome import Outcome, Reason
from multiverse.executors.executor import Executor, Work
from multiverse.planning.build import plan
from multiverse.planning.estimand import Estimand
from multiverse.planning.plan import Plan, Wanted
from multiverse.planning.twins import groups
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.store.contract import Table
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run

FITTED: list[tuple[str, int]] = []  # key and attempt, in order
PRIORS = ("wide", "unit", "narrow", "far")
MENDED: set[str] = set()  # labels of priors that have stopped failing


@dataclass(frozen=True)
class Stubborn:
    """The closed form; the prior "unit" needs a second attempt, "narrow" fails for ever, "far" under a time limit."""

    ladder: tuple[Rung, ...] = (Rung("again", reasons=("rhat",)),)
    seed: int = 0
    name: ClassVar[str] = "stubborn"

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Climb:
        return begin_climb(plan, before)

    def ask(self, state: Climb) -> Sequence[Batch]:
        return [
            make_batch(self, program, keys[i : i + 2], state.plan.wanted, block=2, attempt=attempt)
            for program in state.plan.programs
            for attempt, keys in state.attempts(program, self.ladder).items()
            for i in range(0, len(keys), 2)
        ]

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        FITTED.extend((key, batch.attempt) for key in batch.keys)
        return tuple(self._outcome(batch, key) for key in batch.keys)

    def _outcome(self, batch: Batch, key: str) -> Outcome:
        import sys

        prior = batch.program.members[key].universe["prior"]
        first = (batch.attempt - 1) % (len(self.ladder) + 1) == 0
        reason = Reason.rhat if prior == "narrow" or (prior == "unit" and first) else Reason.ok
        if prior == "far" and batch.wanted.time_limit is not None:
            reason = Reason.time
        if reason and prior not in MENDED:
            final = next_attempt(self.ladder, batch.attempt, reason, lambda: False) is None
            return Outcome(key, reason, f"attempt {batch.attempt}", attempt=batch.attempt, final=final)
        green: Outcome = sys.modules["exact_engines"].closed_form(batch, key, 20, self.seed)
        return green

    def tell(self, state: Climb, batch: Batch, outcomes: Sequence[Outcome]) -> Climb:
        return state.told(outcomes)


@dataclass(frozen=True)
class Stops(Executor):
    """An executor that runs one batch after the other, and stops after so many of all rounds."""

    batches: int
    done: list[int] = field(default_factory=lambda: [0])

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for batch in batches:
            if self.done[0] >= self.batches:
                raise KeyboardInterrupt
            self.done[0] += 1
            yield batch, work(batch)


class DiesInPut(MemoryStore):
    """A store whose process is killed before it publishes part `number`."""

    def __init__(self, number: int):
        super().__init__()
        self.left = number

    def put(self, kind: str, name: str, table: Table) -> None:
        if kind == "part":
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        super().put(kind, name, table)


@pytest.fixture(autouse=True)
def anew(exact_engines: ModuleType) -> Iterator[None]:
    FITTED.clear()
    MENDED.clear()
    yield


@pytest.fixture(scope="module")
def planned(clipped_mean: ModuleType) -> Plan:
    """Twelve universes of which eight are duplicates: clipping does nothing, in either way."""
    found: Plan = clipped_mean.planned()
    return found


def swept(planned: Plan, store: Any = None, **settings: Any) -> Results:
    FITTED.clear()
    usual: dict[str, Any] = {"engine": Stubborn(), "progress": no_progress}
    return run(planned, store=MemoryStore() if store is None else store, **(usual | settings))


def shown(results: Results) -> Any:
    """The view `universes`, by clipping and prior."""
    return results.sql("select * from universes").set_index(["clipped", "prior"])


# One is run, the others have its answer


def test_only_the_first_of_each_group_is_run(planned: Plan, clipped_mean: ModuleType) -> None:
    results = swept(planned)
    firsts = {clipped_mean.key_of(planned, "not", prior) for prior in PRIORS}
    assert {key for key, _ in FITTED} == firsts == planned.to_run
    assert results.status() == {"planned": 12, "answered": 12, "green": 9, "red": 3}


def test_the_others_have_rows_of_their_own_with_the_same_numbers(planned: Plan) -> None:
    results = swept(planned)
    rows = shown(results)
    assert set(rows["key"]) == set(planned.keys) and rows["reference"].sum() == 1
    for prior in PRIORS:
        first = rows.loc[("not", prior)]
        assert first["same_as"] is None or np.isnan(first["same_as"])
        for clipped in ("at 100", "at 50"):
            twin = rows.loc[(clipped, prior)]
            assert twin["same_as"] == first["key"] and twin["seconds"] == 0
            same = ["engine", "ok", "reason", "attempt", "final", "program", "rows_kept", "finished", "host"]
            assert [twin[name] for name in same if twin[name] == twin[name]] == [
                first[name] for name in same if first[name] == first[name]
            ]
    numbers = results.sql("select prior, count(distinct (mean, sd, q2_5, ess)) as n from estimates group by prior")
    assert dict(zip(numbers["prior"], numbers["n"], strict=True)) == {"wide": 1, "unit": 1, "far": 1}
    assert results.sql("select reason, count(*) as n from failures group by all")["n"].tolist() == [3]
    tried = results.sql("select attempt, count(*) as n from diagnostics group by all order by all")
    assert tried["n"].tolist() == [12, 6]  # each attempt of each universe is a row


def test_their_draws_are_there_as_those_of_any_universe(planned: Plan, clipped_mean: ModuleType) -> None:
    results = swept(planned)
    keys = [clipped_mean.key_of(planned, clipped, "unit") for clipped in ("not", "at 100", "at 50")]
    values = results.draws("mu", keys=keys)["mu"].values
    assert values.shape == (3, 2, 20) and np.isfinite(values).all()
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])
    assert not np.array_equal(
        values[0], results.draws("mu", keys=[clipped_mean.key_of(planned, "not", "wide")])["mu"].values[0]
    )
    listed = results.sql("select count(*) as n, count(distinct draws) as d from draws where kind = 'estimand'")
    assert listed.iloc[0].tolist() == [9 * 2, 3 * 2]
    np.testing.assert_array_equal(results.universe(keys[1]).posterior["mu"].values, values[0])


def test_progress_counts_all_universes(planned: Plan) -> None:
    told: list[tuple[int, str]] = []

    def watch(title: str, total: int, unit: str) -> AbstractContextManager[Callable[..., None]]:
        told.append((-total, title))
        return nullcontext(lambda count=1, *, more=0, note="": told.append((count, note)))

    swept(planned, progress=watch)
    assert sum(count for count, _ in told) == 0 and told[0][1] == "answering universes"
    assert told[-1][1] == "75% green"


def test_runs_of_one_store_share_within_themselves(planned: Plan) -> None:
    store = MemoryStore()
    swept(planned, store)
    other = run(planned, store=store, engine=Stubborn(seed=1), run="other seed", progress=no_progress)
    both = other.sql("select run, count(same_as) as shared, count(distinct same_as) as n from universes group by all")
    assert both["shared"].tolist() == [8, 8] and both["n"].tolist() == [4, 4]
    draws = {name: Results(store, name).draws("mu", keys=[planned.keys[4]])["mu"].values for name in both["run"]}
    assert not np.array_equal(*draws.values())


def test_shared_rows_are_published_in_parts_of_bounded_size(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, store = MemoryStore(), MemoryStore()
    swept(planned, whole)
    monkeypatch.setattr(shared_answers, "BYTES_A_PART", 1)
    swept(planned, store)
    assert len(store.names("part")) == 3 + 12  # of three batches, and each row that is shared
    assert end_state(store).equals(end_state(whole))


# Whatever happens on the way


@pytest.mark.parametrize(
    "number", [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(3, marks=pytest.mark.slow), 5]
)
def test_killed_before_any_part_is_published(planned: Plan, number: int) -> None:
    """Parts of batches and of those that share them: nothing is lost, nothing double, one batch is fitted twice."""
    whole, store = MemoryStore(), DiesInPut(number)
    swept(planned, whole)
    assert len(whole.names("part")) == 6
    once = len(FITTED)
    with pytest.raises(KeyboardInterrupt):
        swept(planned, store, executor=Stops(9))
    before = len(FITTED)
    store.left = 99
    swept(planned, store)
    assert before + len(FITTED) <= once + 2
    assert end_state(store).equals(end_state(whole))
    rows = store.scan("part", ["key", "attempt"])
    assert set(Counter(zip(*rows.to_pydict().values(), strict=True)).values()) == {1}


@pytest.mark.parametrize("batches", [1, 2])
def test_stopped_between_batches(planned: Plan, batches: int) -> None:
    whole, store = MemoryStore(), MemoryStore()
    swept(planned, whole)
    with pytest.raises(KeyboardInterrupt):
        swept(planned, store, executor=Stops(batches))
    swept(planned, store)
    assert end_state(store).equals(end_state(whole))
    swept(planned, store)
    assert not FITTED and len(store.names("part")) <= 12


def test_a_batch_that_another_process_has_published_is_shared_too(planned: Plan) -> None:
    """It was published after this sweep had looked at what the store holds."""
    store, other = MemoryStore(), MemoryStore()
    swept(planned, other)

    @dataclass(frozen=True)
    class Late(Stubborn):
        def ask(self, state: Climb) -> Sequence[Batch]:
            batches = Stubborn.ask(self, state)
            for batch in batches:
                if batch.id not in store.names("part"):
                    store.put("part", batch.id, other.get("part", batch.id))
            return batches

    FITTED.clear()
    run(planned, store=store, engine=Late(), progress=no_progress)
    assert not FITTED and end_state(store).equals(end_state(other))


def test_a_part_that_was_set_aside_is_had_again_from_those_that_share_it(planned: Plan) -> None:
    store = MemoryStore()
    swept(planned, store)
    before = end_state(store)
    for name in store.names("part"):
        if set(store.get("part", name, ["same_as"])["same_as"].to_pylist()) == {None}:
            store.set_aside("part", name)
    assert len(store.names("part")) == 3
    swept(planned, store)
    assert not FITTED and end_state(store).equals(before)


# Another plan for the same store


def test_a_new_universe_that_is_the_twin_of_an_answered_one_shares_it(planned: Plan, clipped_mean: ModuleType) -> None:
    store = MemoryStore()
    swept(clipped_mean.planned("not"), store)
    before = {name: store.get("part", name) for name in store.names("part")}
    swept(planned, store)
    assert not FITTED
    assert all(store.get("part", name).equals(table) for name, table in before.items())
    whole = MemoryStore()
    swept(planned, whole)
    assert end_state(store).equals(end_state(whole))


def test_one_that_becomes_the_first_shares_with_one_that_is_answered(clipped_mean: ModuleType) -> None:
    store = MemoryStore()
    narrow = clipped_mean.planned("at 100")
    before = swept(narrow, store).draws("mu", keys=[clipped_mean.key_of(narrow, "at 100", "unit")])["mu"].values
    wider = clipped_mean.planned("not", "at 100")
    results = swept(wider, store)
    assert not FITTED
    rows = shown(results)
    for prior in PRIORS:
        assert rows.loc[("not", prior), "same_as"] == rows.loc[("at 100", prior), "key"]
        assert rows.loc[("at 100", prior), "same_as"] is None or np.isnan(rows.loc[("at 100", prior), "same_as"])
    now = results.draws("mu", keys=[clipped_mean.key_of(wider, clipped, "unit") for clipped in ("not", "at 100")])[
        "mu"
    ].values
    np.testing.assert_array_equal(now[0], before[0])
    np.testing.assert_array_equal(now[1], before[0])


def test_what_was_answered_by_itself_keeps_its_answer(planned: Plan, clipped_mean: ModuleType) -> None:
    """As stores have it that are older than sharing."""
    store = MemoryStore()
    both = clipped_mean.planned("not", "at 100")
    swept(replace(both, twins={}), store)
    assert {key for key, _ in FITTED} == set(both.keys)
    before = end_state(store)
    rows = shown(swept(planned, store))
    assert not FITTED
    assert rows["same_as"].notna().sum() == 4
    assert (rows.loc["at 50"]["same_as"] == rows.loc["not"]["key"]).all()
    after = end_state(store)
    assert after.filter(np.isin(after["key"].to_numpy(), both.keys)).equals(before)
    swept(planned, store, retry="failures")
    assert {at[0] for at in FITTED} == {clipped_mean.key_of(both, clipped, "narrow") for clipped in ("not", "at 100")}


def test_one_whose_first_is_planned_no_more_stands_for_itself(planned: Plan, clipped_mean: ModuleType) -> None:
    store = MemoryStore()
    swept(planned, store)
    rest = clipped_mean.planned("at 100", "at 50")
    MENDED.add("narrow")
    rows = shown(swept(rest, store, retry="failures"))
    own = clipped_mean.key_of(rest, "at 100", "narrow")
    assert FITTED == [(own, 3)]
    assert rows.loc[("at 50", "narrow"), "same_as"] == own and rows.loc[("at 50", "narrow"), "attempt"] == 3
    assert rows.loc[("at 100", "narrow"), "same_as"] is None or rows["same_as"].isna().sum() == 1
    assert (
        rows.drop(index="narrow", level=1)["same_as"]
        == [clipped_mean.key_of(planned, "not", p) for p in ("wide", "unit", "far")] * 2
    ).all()


def test_numbers_of_an_estimand_that_told_them_apart_are_not_shared(planned: Plan, clipped_mean: ModuleType) -> None:
    """It takes the decision, so they were no twins; without it they are, and its numbers are of one of them."""

    def scaled(draws: Mapping[str, Any], data: Mapping[str, Any], *, clipped: float) -> Any:
        return draws["mu"] * min(clipped, 2.0)

    asks = {"mu": "mu", "scaled": scaled}
    apart = plan(clipped_mean.study(["not", "at 100"], estimands=asks), progress=no_progress)
    assert not apart.twins
    store = MemoryStore()
    with pytest.raises(KeyboardInterrupt):
        swept(apart, store, executor=Stops(2))
    alike = replace(apart, wanted=Wanted((Estimand("mu", "mu"),)), twins=clipped_mean.planned("not", "at 100").twins)
    swept(alike, store)
    told = store.scan("part", ["estimand", "same_as"]).to_pylist()
    assert not [row for row in told if row["same_as"] and "scaled" in row["estimand"]]
    assert Results(store, "main").status()["answered"] == 8


CALLS = st.lists(
    st.tuples(
        st.sampled_from([("not",), ("at 100",), ("not", "at 100"), ("at 100", "at 50"), ("not", "at 100", "at 50")]),
        st.sampled_from([None, "failures"]),
        st.integers(0, 8),  # parts until the process is killed, if it publishes so many
        st.booleans(),  # whether exact duplicates are shared in this call
    ),
    min_size=2,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(calls=CALLS)
def test_any_sequence_of_calls(calls: list[Any], clipped_mean: ModuleType) -> None:
    """Narrower and wider plans, kills and retries: what is shared is what was run, and only what must be run is run."""
    store = DiesInPut(99)
    for clipped, retry, killed, sharing in calls:
        whole = clipped_mean.planned(*clipped)
        asked = whole if sharing else replace(whole, twins={})
        answered = {row["key"] for row in store.scan("part", ["key"]).to_pylist()} if store.names("part") else set()
        store.left = killed
        with suppress(KeyboardInterrupt):
            swept(asked, store, retry=retry, executor=Stops(99))
        fitted = {key for key, _ in FITTED}
        for keys in groups(asked.twins, asked.keys).values():
            new = fitted & set(keys) - answered
            assert len(new) <= (not answered & set(keys))
        store.left = 99
        results = swept(asked, store)
        assert results.status()["answered"] == len(asked)
        swept(asked, store)
        assert not FITTED
        rows = store.scan("part").to_pylist()
        at = {(row["key"], row["attempt"]): row for row in rows}
        assert len(at) == len(rows)
        for row in (row for row in rows if row["same_as"]):
            ran = at[row["same_as"], row["attempt"]]
            own = {"key", "batch", "seconds", "same_as"}
            assert ran["same_as"] is None
            assert {k: v for k, v in row.items() if k not in own} == {k: v for k, v in ran.items() if k not in own}


# Red ones, and trying again


def test_red_twins_are_red_for_one_reason_and_tried_again_together(planned: Plan, clipped_mean: ModuleType) -> None:
    store = MemoryStore()
    failures = swept(planned, store).failures()
    assert set(failures["reason"]) == {"rhat"} and set(failures["message"]) == {"attempt 2"} and len(failures) == 3
    MENDED.add("narrow")
    swept(planned, store)
    assert not FITTED  # answered is answered, red or green
    rows = shown(swept(planned, store, retry="failures"))
    assert FITTED == [(clipped_mean.key_of(planned, "not", "narrow"), 3)]
    assert rows["ok"].all()
    assert set(rows.xs("narrow", level="prior")["attempt"]) == {3}


@pytest.mark.parametrize("number", [0, pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_retry_that_was_killed(planned: Plan, number: int) -> None:
    whole, store = MemoryStore(), DiesInPut(99)
    for place in (whole, store):
        swept(planned, place)
    swept(planned, whole, retry="failures")
    assert len(whole.names("part")) == 10  # two attempts, each for the one that is run and for those that share
    store.left = number
    with pytest.raises(KeyboardInterrupt):
        swept(planned, store, retry="failures")
    store.left = 99
    swept(planned, store, retry="failures")
    if number < 3:  # else the retry had ended, and this was another one
        assert end_state(store).equals(end_state(whole))
    rows = shown(Results(store, "main"))
    assert rows.xs("narrow", level="prior")["attempt"].nunique() == 1


def test_a_time_limit_holds_for_the_one_that_is_run(planned: Plan, clipped_mean: ModuleType) -> None:
    store = MemoryStore()
    failures = swept(planned, store, time_limit=1.0).failures()
    assert Counter(failures["reason"]) == {"rhat": 3, "time": 3}
    rows = shown(swept(planned, store, retry="time"))
    assert FITTED == [(clipped_mean.key_of(planned, "not", "far"), 3)]
    assert rows.xs("far", level="prior")["ok"].all()

"""Universes that fail are tried again: by the ladder within a run, and by `retry=` in a later one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, ClassVar

import pytest

from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.nuts.climb import Climb, begin_climb
from multiverse.engines.nuts.ladder import Rung, next_attempt, rung_of
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError
from multiverse.executors.executor import Executor, Work
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run
from multiverse.testing import OneShotEngineSuite

LADDER = (Rung("first"), Rung("second", reasons=("rhat",)))
NEVER = 9
FITTED: list[tuple[str, int]] = []  # key and attempt, in order
MENDED: set[str] = set()  # reasons that have gone away since


@dataclass(frozen=True)
class Climber:
    """The closed form, for universes that have climbed high enough; who needs which rung, their keys say."""

    ladder: tuple[Rung, ...] = LADDER
    seed: int = 0
    name: ClassVar[str] = "climber"

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

        rung = (batch.attempt - 1) % (len(self.ladder) + 1)
        rungs_needed, reason, seconds = fate(batch.program.members, key)
        limit = batch.wanted.time_limit
        if limit is not None and seconds > limit:
            rungs_needed, reason = NEVER, Reason.time
        if rung >= rungs_needed or reason.name in MENDED:
            green: Outcome = sys.modules["exact_engines"].closed_form(batch, key, 20, self.seed)
            return green
        further = next_attempt(self.ladder, batch.attempt, reason, lambda: False)
        return Outcome(key, reason, f"attempt {batch.attempt}", attempt=batch.attempt, final=further is None)

    def tell(self, state: Climb, batch: Batch, outcomes: Sequence[Outcome]) -> Climb:
        return state.told(outcomes)


def fate(keys: Mapping[str, Any], key: str) -> tuple[int, Reason, float]:
    """How many rungs a universe needs, why it fails until then, and how many seconds it takes."""
    return [
        (0, Reason.rhat, 1.0),
        (1, Reason.rhat, 1.0),
        (1, Reason.ess, 5.0),
        (2, Reason.rhat, 1.0),
        (2, Reason.ess, 1.0),  # the second rung is not for it: red
        (NEVER, Reason.divergences, 1.0),
    ][sorted(keys).index(key) % 6]


GREEN_AT = {1: 2, 2: 4, 3: 2}  # attempt -> universes, of twelve; four are red
TRIED = [(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (5, 1), (5, 2)]


@pytest.fixture(autouse=True)
def anew(exact_engines: ModuleType) -> Iterator[None]:
    FITTED.clear()
    MENDED.clear()
    yield


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


class TestClimber(OneShotEngineSuite):
    @pytest.fixture
    def engine(self) -> Any:
        return Climber()

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


def rows(store: MemoryStore) -> list[tuple[str, int, bool, str | None]]:
    table = store.scan("part", ["key", "attempt", "final", "reason"])
    return sorted(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def test_each_try_is_a_row_and_the_last_one_is_final(twelve: Plan) -> None:
    store = MemoryStore()
    results = run(twelve, store=store, engine=Climber(), progress=no_progress)
    keys = sorted(twelve.keys)
    assert [(key, at) for key, at, _, _ in rows(store)] == sorted(
        (key, at) for i, key in enumerate(keys) for which, at in TRIED if which == i % 6
    )
    for i, key in enumerate(keys):
        mine = [row for row in rows(store) if row[0] == key]
        assert [final for _, _, final, _ in mine] == [False] * (len(mine) - 1) + [True]
        assert (mine[-1][3] is None) == (i % 6 not in (4, 5))
    shown = results.sql("select attempt, ok from universes")
    assert dict(Counter(shown.query("ok")["attempt"])) == GREEN_AT
    assert results.status() == {"planned": 12, "answered": 12, "green": 8, "red": 4}
    assert set(results.failures()["reason"]) == {"ess", "divergences"}


def test_progress_counts_universes_once_and_notes_those_that_wait(twelve: Plan) -> None:
    seen: list[tuple[int, str]] = []

    def watch(title: str, total: int, unit: str) -> AbstractContextManager[Callable[..., None]]:
        def advance(count: int = 1, *, more: int = 0, note: str = "") -> None:
            seen.append((count, note))

        return nullcontext(advance)

    run(twelve, engine=Climber(), progress=watch)
    assert sum(count for count, _ in seen) == 12
    notes = [note for _, note in seen]
    assert any(note.endswith("green, 10 to try again") for note in notes)
    assert notes[-1] == "67% green"


@pytest.fixture(scope="module")
def climbed(twelve: Plan) -> MemoryStore:
    """A run that nobody stopped."""
    store = MemoryStore()
    run(twelve, store=store, engine=Climber(), progress=no_progress)
    return store


@pytest.mark.parametrize(
    "stopped_after", [pytest.param(n, marks=[pytest.mark.slow] if n % 3 else []) for n in range(14)]
)
def test_a_run_that_was_stopped_repeats_no_attempt(twelve: Plan, climbed: MemoryStore, stopped_after: int) -> None:
    store = MemoryStore()
    FITTED.clear()
    try:
        run(twelve, store=store, engine=Climber(), executor=Stops(stopped_after), progress=no_progress)
    except KeyboardInterrupt:
        pass
    run(twelve, store=store, engine=Climber(), progress=no_progress)
    assert max(Counter(FITTED).values()) == 1
    assert end_state(store).equals(end_state(climbed))
    assert rows(store) == rows(climbed)


# Later calls


def test_answered_is_answered_red_or_green(twelve: Plan) -> None:
    store = MemoryStore()
    for _ in range(2):
        run(twelve, store=store, engine=Climber(), progress=no_progress)
    assert max(Counter(FITTED).values()) == 1


def test_failures_climb_anew_with_other_numbers_and_the_green_ones_stay(twelve: Plan) -> None:
    store = MemoryStore()
    results = run(twelve, store=store, engine=Climber(), progress=no_progress)
    green, before = set(results.sql("select key from universes where ok")["key"]), rows(store)
    FITTED.clear()
    MENDED.add("divergences")
    results = run(twelve, store=store, engine=Climber(), retry="failures", progress=no_progress)
    assert {key for key, _ in FITTED} == set(twelve.keys) - green
    assert {at for _, at in FITTED} == {4, 5}
    assert rungs(FITTED) == {None, "first"}
    assert results.status() == {"planned": 12, "answered": 12, "green": 10, "red": 2}
    assert set(before) < set(rows(store))  # nothing is overwritten
    shown = results.sql("select key, attempt, ok from universes").set_index("key")
    assert set(shown.loc[list(set(twelve.keys) - green), "attempt"]) == {4, 5}
    run(twelve, store=store, engine=Climber(), retry="failures", progress=no_progress)
    assert {at for _, at in FITTED if at > 5} == {7, 8}


def rungs(fitted: list[tuple[str, int]]) -> set[str | None]:
    return {rung.name if (rung := rung_of(LADDER, attempt)) else None for _, attempt in fitted}


@pytest.mark.parametrize("retry", ["divergences", ["divergences", "rhat"]])
def test_only_those_with_a_reason_that_is_named(twelve: Plan, retry: str | list[str]) -> None:
    store = MemoryStore()
    results = run(twelve, store=store, engine=Climber(), progress=no_progress)
    divergent = set(results.failures().query("reason == 'divergences'")["key"])
    FITTED.clear()
    run(twelve, store=store, engine=Climber(), retry=retry, progress=no_progress)
    assert {key for key, _ in FITTED} == divergent and len(divergent) == 2


def test_a_retry_that_was_stopped_goes_on_where_it_was(twelve: Plan) -> None:
    store = MemoryStore()
    run(twelve, store=store, engine=Climber(), progress=no_progress)
    with pytest.raises(KeyboardInterrupt):
        run(twelve, store=store, engine=Climber(), retry="failures", executor=Stops(2), progress=no_progress)
    results = Results(store, "main")
    assert results.status()["answered"] == 12  # what was final still counts
    assert set(results.failures()["attempt"]) == {2}
    run(twelve, store=store, engine=Climber(), retry="failures", progress=no_progress)
    assert max(Counter(FITTED).values()) == 1
    assert set(results.failures()["attempt"]) == {5}


def test_what_ran_out_of_time_is_answered_with_more_of_it(twelve: Plan) -> None:
    store = MemoryStore()
    results = run(twelve, store=store, engine=Climber(), time_limit=2, progress=no_progress)
    slow = results.failures().query("reason == 'time'")
    assert len(slow) == 2 and set(slow["attempt"]) == {1}  # no rung is for it
    run(twelve, store=store, engine=Climber(), time_limit=10, progress=no_progress)
    assert len(results.failures().query("reason == 'time'")) == 2
    run(twelve, store=store, engine=Climber(), time_limit=10, retry="time", progress=no_progress)
    found = results.sql("select key, ok, attempt from universes").set_index("key").loc[list(slow["key"])]
    assert set(found["ok"]) == {True} and set(found["attempt"]) == {5}


def test_the_time_limit_is_no_setting(twelve: Plan) -> None:
    limited = replace(twelve, wanted=replace(twelve.wanted, time_limit=3.0))
    one, other = (Climber().ask(Climber().init(plan))[0].id for plan in (twelve, limited))
    assert one == other


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"retry": "divergence"}, "'divergence', which is not a reason(.|\n)*Did you mean 'divergences'"),
        ({"retry": ["failures", "failed"]}, "'failed', which is not a reason"),
        ({"retry": "ok"}, "'ok', which is not a reason"),
        ({"time_limit": 0}, "time_limit=0 is no time"),
        ({"time_limit": float("nan")}, "is no time"),
    ],
)
def test_mistakes_are_named(twelve: Plan, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        run(twelve, engine=Climber(), progress=no_progress, **arguments)
    assert not FITTED

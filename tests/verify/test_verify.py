"""A sample of universes answered again: a sound store passes, a changed one is caught, here and on other hardware."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import multiverse as mv
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import ResultError
from multiverse.executors.local import Local
from multiverse.planning.build import plan
from multiverse.progress import no_progress
from multiverse.rerun.answers import Answer
from multiverse.results import Results, load
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.store.records import encode_run, read_runs
from multiverse.sweep import run
from multiverse.verify.verification import FALSE_ALARM, Finding
from multiverse.verify.verify import sample


def copied(results: Results) -> MemoryStore:
    """The same tables in a store of their own."""
    store = MemoryStore()
    for kind in ("study", "plan", "run", "part"):
        for name in results.store.names(kind):
            store.put(kind, name, results.store.get(kind, name))
    return store


def changed(results: Results, change: Callable[[pa.Table], pa.Table]) -> Results:
    """The results of a copy of the store with one row of one part changed."""
    store = copied(results)
    name = min(results.store.names("part"))
    fresh = MemoryStore()
    for kind in ("study", "plan", "run", "part"):
        for other in store.names(kind):
            table = store.get(kind, other)
            fresh.put(kind, other, change(table) if (kind, other) == ("part", name) else table)
    return Results(fresh, results.run, results.study)


def elsewhere(results: Results) -> Results:
    """The same, as if it had been computed by another version of JAX."""
    store = MemoryStore()
    for kind in ("study", "plan", "part"):
        for name in results.store.names(kind):
            store.put(kind, name, results.store.get(kind, name))
    for record in read_runs(results.store):
        versions = {**record.sections["versions"], "jax": "0.9.9"}
        other = replace(record, sections={**record.sections, "versions": versions})
        store.put("run", other.name(), encode_run(other))
    return Results(store, results.run, results.study)


def with_list(column: str, row: int, at: int, value: Callable[[float], float]) -> Callable[[pa.Table], pa.Table]:
    """Changes one number of a column of lists."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row][at] = value(values[row][at])
        place = table.column_names.index(column)
        return table.set_column(place, column, pa.array(values, table.schema.field(column).type))

    return change


def test_a_sound_store_passes(small_run: Results) -> None:
    found = small_run.verify(n=5, progress=no_progress)
    assert found.ok and len(found.checked) == 5 and found.answered == 12
    assert {one.finding for one in found.checked} == {Finding.same}
    assert str(found) == "5 universes of 12 of run 'main' answered again: 5 same"
    assert found.elsewhere == () and found.gone == 0
    assert found.table["distance"].eq(0).all() and len(found.table) == 5


def test_all_of_them_in_threads(small_run: Results) -> None:
    found = small_run.verify(n=None, executor=Local(threads=2), progress=no_progress)
    assert found.ok and sorted(one.key for one in found.checked) == sorted(small_run.table()["key"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_list("draws:estimand/mu", 1, 17, lambda x: x + 1e-3), "other draws of estimand/mu"),
        (with_list("draws:density/log_prior", 1, 17, lambda x: x + 1e-3), "other draws of density/log_prior"),
        (with_list("estimate:q97_5", 1, 0, lambda x: x * 1.001), "other numbers: mu.q97_5"),
    ],
)
def test_a_changed_number_is_caught(small_run: Results, change: Any, said: str) -> None:
    found = changed(small_run, change).verify(n=None, progress=no_progress)
    assert not found.ok
    (wrong,) = [one for one in found.checked if one.finding is Finding.different]
    assert said in wrong.changed
    assert "11 same, 1 different" in str(found) and wrong.key[:12] in str(found)
    assert "should be the same to the last bit" in str(found) and "results.rerun(" in str(found)


def test_a_red_universe_that_was_painted_green_is_caught(normal_mean: ModuleType) -> None:
    def missing(draws: Mapping[str, Any], data: Any, *, prior: Any) -> Any:
        return draws["mu"] * (np.nan if float(prior.scale) == 1.0 else 1.0)

    study = normal_mean.study(normal_mean.space(2, 1, 1), estimands={"mu": missing})
    results = run(study, engine=normal_mean.QUICK, progress=no_progress)
    assert results.status()["red"] == 1
    assert results.verify(progress=no_progress).ok

    def painted(table: pa.Table) -> pa.Table:
        place = table.column_names.index("reason")
        return table.set_column(place, "reason", pa.nulls(table.num_rows, pa.string()))

    found = changed(results, painted).verify(progress=no_progress)
    assert not found.ok and "estimand, was ok" in str(found)


def test_the_rows_of_a_pack_are_those_of_its_parts(small_run: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQL reads packs, and draws are in parts: verified are both."""
    from multiverse.verify import verify as module

    def read(*arguments: Any) -> dict[str, Answer]:
        answers = before(*arguments)
        key = min(answers)
        numbers = {"mu": {**answers[key].outcome.estimates["mu"], "mean": 7.0}}
        answers[key] = replace(answers[key], outcome=replace(answers[key].outcome, estimates=numbers))
        return answers

    before = module.read_answers
    monkeypatch.setattr(module, "read_answers", read)
    found = small_run.verify(n=None, progress=no_progress)
    assert not found.ok and "the rows that SQL reads are not those of their part (other numbers: mu.mean)" in str(found)


# Computed elsewhere.


def test_elsewhere_the_same_bits_are_still_the_same(small_run: Results) -> None:
    found = elsewhere(small_run).verify(n=3, progress=no_progress)
    assert found.ok and {one.finding for one in found.checked} == {Finding.same}
    assert found.elsewhere == (f"jax: was 0.9.9, is {small_run.record.sections['versions']['jax']}",)


def test_elsewhere_other_draws_of_the_same_posteriors_pass(small_run: Results, normal_mean: ModuleType) -> None:
    """Another seed stands for other hardware: equal posteriors, other draws."""
    found = other_seed(elsewhere(small_run), normal_mean)
    assert found.ok, str(found)
    assert {one.finding for one in found.checked} == {Finding.close}
    assert 0 < found.table["distance"].max() < found.limit
    assert "computed elsewhere: jax: was 0.9.9" in str(found)
    assert f"for {FALSE_ALARM:.1%} false alarms" in str(found)
    assert 4 < found.limit < 6


def test_here_other_draws_of_the_same_posteriors_fail(small_run: Results, normal_mean: ModuleType) -> None:
    assert not other_seed(small_run, normal_mean).ok


def other_seed(results: Results, normal_mean: ModuleType) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("multiverse.verify.verify.engine_of", lambda record, given: replace(normal_mean.QUICK, seed=1))
        return results.verify(n=None, progress=no_progress)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("draws:estimand/mu", lambda x: x + 100.0, "the stored estimates are not those of the stored draws"),
        ("estimate:median", lambda x: x * 1.001, "the stored estimates are not those of the stored draws"),
    ],
)
def test_elsewhere_a_changed_number_is_caught(
    small_run: Results, normal_mean: ModuleType, column: str, value: Any, said: str
) -> None:
    found = other_seed(elsewhere(changed(small_run, with_list(column, 2, 0, value))), normal_mean)
    (wrong,) = [one for one in found.checked if one.finding is Finding.different]
    assert said in wrong.changed
    assert "Compute with the versions that are recorded" in str(found)


def test_elsewhere_another_posterior_is_caught(small_run: Results) -> None:
    """Draws and estimates moved together, as another model would, by three posterior sds."""
    results = elsewhere(moved(small_run))
    found = results.verify(n=None, progress=no_progress)
    wrong = [one for one in found.checked if one.finding is Finding.different]
    assert wrong and all(one.distance > found.limit and one.number for one in wrong)
    assert not any("the stored estimates" in one.changed for one in wrong)


def moved(results: Results) -> Results:
    from multiverse.engines.estimates import summarise
    from multiverse.store.part import decode

    def change(table: pa.Table) -> pa.Table:
        rows = []
        for outcome in decode(table):
            draws = outcome.draws["estimand/mu"]
            rows.append((draws + 3 * draws.std()).astype(np.float32))
        for name in [c for c in table.column_names if c.startswith("estimate:")]:
            statistic = name.removeprefix("estimate:")
            numbers = [[float(summarise(d[None])[statistic][0])] for d in rows]
            table = table.set_column(table.column_names.index(name), name, pa.array(numbers, pa.list_(pa.float64())))
        lists = pa.array([d.ravel() for d in rows], pa.list_(pa.float32()))
        return table.set_column(table.column_names.index("draws:estimand/mu"), "draws:estimand/mu", lists)

    return changed(results, change)


# The sample.


def answers(programs: Mapping[str, int]) -> dict[str, Answer]:
    from datetime import UTC, datetime

    return {
        f"{program}{i}": Answer(Outcome(f"{program}{i}"), "b", program, {}, datetime.now(UTC))
        for program, size in programs.items()
        for i in range(size)
    }


def test_a_sample_is_spread_over_programs() -> None:
    everything = answers({"a": 60, "b": 30, "c": 10})
    assert sample(everything, None, 0) == everything == sample(everything, 100, 0)
    for seed in range(20):
        taken = Counter(answer.program for answer in sample(everything, 20, seed).values())
        assert abs(taken["a"] - 12) <= 1 and abs(taken["b"] - 6) <= 1 and abs(taken["c"] - 2) <= 1


def test_every_universe_may_be_taken_and_a_seed_gives_one_sample() -> None:
    everything = answers({"a": 12, "b": 3})
    taken = Counter(key for seed in range(300) for key in sample(everything, 5, seed))
    assert set(taken) == set(everything)
    expected = 300 * 5 / 15
    assert all(abs(count - expected) < 5 * (expected * (1 - 1 / 3)) ** 0.5 for count in taken.values())
    assert list(sample(everything, 5, 1)) == list(sample(everything, 5, 1)) != list(sample(everything, 5, 2))


# What cannot be compared.


def test_universes_that_are_gone_are_counted(normal_mean: ModuleType) -> None:
    results = run(normal_mean.study(normal_mean.space(2, 1, 2)), engine=normal_mean.QUICK, progress=no_progress)
    fewer = normal_mean.study(normal_mean.space(1, 1, 2))
    found = results.verify(fewer, progress=no_progress)
    assert found.ok and (found.answered, found.gone) == (2, 2)
    assert "2 answered universes left out: the study has them no more" in str(found)
    other = normal_mean.study(normal_mean.space(["far"], 1, 1))
    with pytest.raises(ResultError, match="has answered no universe that the study has"):
        results.verify(other, progress=no_progress)


def test_what_a_clock_decided_is_left_out(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    class Slow(exact_engines.OneRound):  # type: ignore[misc,name-defined]
        def fit(self, batch: Any, given: Any) -> Any:
            first, *others = super().fit(batch, given)
            return (replace(first, reason=Reason.time, draws={}, estimates={}), *others)

    results = run(normal_mean.study(normal_mean.space(2, 2, 1)), engine=Slow(), progress=no_progress)
    found = results.verify(engine=exact_engines.OneRound(), progress=no_progress)
    assert found.ok and len(found.checked) == 3


def test_another_study_is_refused(small_run: Results, normal_mean: ModuleType) -> None:
    other = normal_mean.study(normal_mean.space(3, 2, 2), data={"y": normal_mean.Y + 1})
    with pytest.raises(ResultError, match="has another data than"):
        small_run.verify(other, progress=no_progress)


def test_an_estimand_that_was_added_later_is_compared_too(normal_mean: ModuleType) -> None:
    """Its rows were written again, with other diagnostics than a fresh universe has."""
    store, space = MemoryStore(), normal_mean.space(2, 1, 1)
    run(normal_mean.study(space), store=store, engine=normal_mean.QUICK, keep="all", progress=no_progress)
    more = normal_mean.study(space, estimands={"mu": "mu", "double": "twice"})
    results = run(more, store=store, engine=normal_mean.QUICK, keep="all", progress=no_progress)
    assert set(results.sql("select distinct estimand from estimates")["estimand"]) == {"mu", "double"}
    assert results.verify(progress=no_progress).ok
    assert results.rerun("reference", progress=no_progress).same


def estimate(data: Mapping[str, np.ndarray], *, power: int, rng: np.random.Generator) -> float:
    return float((data["y"] ** power).mean() + rng.normal())


def careless(data: Mapping[str, np.ndarray], *, power: int) -> float:
    return float((data["y"] ** power).mean() + np.random.default_rng().normal())


def test_a_function_that_is_not_deterministic_is_found() -> None:
    space = mv.Space(power=mv.decision("estimator", {"one": 1, "two": 2}))
    for function, ok in ((estimate, True), (careless, False)):
        study = mv.Study("f", data={"y": np.arange(5.0)}, estimate=function, space=space)
        found = run(study, progress=no_progress).verify(progress=no_progress)
        assert found.ok is ok
    assert "the study is not deterministic" in str(found)


def test_the_command(normal_mean: ModuleType, small_run: Results, tmp_path: Path) -> None:
    """A store in a folder is verified as one in memory, and nothing in it changes."""
    store = FolderStore(tmp_path / "store")
    for kind in ("study", "plan", "run", "part"):
        for name in small_run.store.names(kind):
            store.put(kind, name, small_run.store.get(kind, name))
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "store").rglob("*"))
    planned = plan(normal_mean.study(normal_mean.space(3, 2, 2)), progress=no_progress)
    assert load(tmp_path / "store").verify(planned, n=2, progress=no_progress).ok
    assert sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "store").rglob("*")) == before
    assert json.dumps(small_run.verify(n=1, progress=no_progress).table.to_dict("records"))

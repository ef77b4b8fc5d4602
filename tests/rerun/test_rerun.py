"""One universe once more: the same draws, everything shown, and what is said when it cannot be had again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import multiverse as mv
from multiverse.errors import PlanError, ResultError
from multiverse.planning.build import plan
from multiverse.progress import no_progress
from multiverse.rerun import rerun as rerun_module
from multiverse.rerun.again import answer_again
from multiverse.rerun.alone import space_of
from multiverse.rerun.answers import read_answers
from multiverse.results import Results, load
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run

FILE = """
import numpyro, numpyro.distributions as dist, numpy as np
import multiverse as mv

def prepare(raw, *, rows):
    return {"y": raw["y"][rows:]}

def model(data, *, prior):
    mu = numpyro.sample("mu", prior)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(mu, 1.0), obs=data["y"])

study = mv.Study(
    "filed", data={"y": np.linspace(-1.0, 2.0, 12)}, prepare=prepare, model=model, estimands={"mu": "mu"},
    space=mv.Space(
        rows=mv.preprocessing({"all": 0, "less": 1}),
        prior=mv.prior({"weak": dist.Normal(0.0, 10.0), "tight": dist.Normal(0.0, 0.5)}),
    ),
)
"""


@pytest.fixture
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports is forgotten after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "pytest-" in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def test_the_same_draws_and_those_of_all_sites(small_run: Results, normal_mean: ModuleType) -> None:
    """Of a universe that shared its program and its block with others."""
    few = run(normal_mean.study(normal_mean.space(3, 2, 2)), engine=normal_mean.QUICK, progress=no_progress)
    key = few.table()["key"][7]
    again = few.rerun(key[:9], progress=no_progress)
    assert again.same and again.key == key and again.comparison.changed == ()
    np.testing.assert_array_equal(again.draws["mu"], few.draws("mu", keys=[key])["mu"][0])
    every = small_run.draws(["mu", "twice", "log_prior", "log_likelihood"], keys=[key]).isel(universe=0)
    for name in every:
        np.testing.assert_array_equal(again.draws[name], every[name])
    assert again.draws["residual"].dims == ("chain", "draw", "residual_dim_0")
    assert again.difference["distance"].max() == 0


def test_a_universe_alone_is_planned_to_the_same_program(
    small_run: Results, normal_mean: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick way: the space is not walked for one universe."""
    planned: list[int] = []
    before = plan

    def watched(study: Any, **options: Any) -> Any:
        planned.append(len(study.space))
        return before(study, **options)

    monkeypatch.setattr("multiverse.rerun.alone.plan", watched)
    for key in small_run.table()["key"][[0, 5, 11]]:
        assert small_run.rerun(key, progress=no_progress).same
    assert planned == [1, 1, 1]


def test_what_is_shown(small_run: Results, normal_mean: ModuleType) -> None:
    again = small_run.rerun("reference", progress=no_progress)
    told = str(again)
    assert told == repr(again)
    key = small_run.key("reference")
    for words in (
        f"Universe {key}, the reference universe, of run 'main'",
        "dropped  preprocessing  none* = 0",
        "prior    prior          wide* = Normal(loc=0.0, scale=10.0)",
        "Prepared data",
        "First rows",
        "chains=2, warmup=100, draws=100",
        "random words: ",
        "Outcome: green, attempt 1",
        "mu, stored",
        "rhat_max",
        "The draws are the same as in the store, to the last bit.",
    ):
        assert words in told, words
    assert again.setup.block == 8 and again.setup.words == rng_words_of(again)
    assert again.setup.program == small_run.sql("select program from universes where reference")["program"].item()
    html = again._repr_html_()
    assert key in html and "<table>" in html


def rng_words_of(again: Any) -> tuple[int, int]:
    from multiverse.identity.keys import rng_words

    return rng_words(0, again.key, 1)


def test_a_red_universe_gives_its_reason_and_traceback(normal_mean: ModuleType) -> None:
    def broken(draws: Mapping[str, Any], data: Any, *, prior: Any) -> Any:
        if float(prior.scale) == 1.0:
            raise ValueError("no <scale> of one")
        return draws["mu"]

    study = normal_mean.study(normal_mean.space(2, 1, 1), estimands={"mu": broken})
    results = run(study, engine=normal_mean.QUICK, progress=no_progress)
    key = results.table().query("prior == 'unit'")["key"].item()
    again = results.rerun(key, progress=no_progress)
    assert again.same and not again.outcome.ok
    assert "Outcome: red (" in str(again) and str(again).endswith("ValueError: no <scale> of one")
    assert "no &lt;scale&gt; of one" in again._repr_html_()


def test_what_planning_could_not_prepare(normal_mean: ModuleType) -> None:
    def prepare(raw: Any, *, dropped: int) -> Any:
        if dropped:
            raise ValueError("dropped too much")
        return raw

    results = run(
        normal_mean.study(normal_mean.space(1, 1, 2), prepare=prepare), engine=normal_mean.QUICK, progress=no_progress
    )
    key = results.table().query("not ok")["key"].item()
    again = results.rerun(key, progress=no_progress)
    assert again.same and again.setup.program == ""
    assert "two = 2" in str(again)
    assert "red (prepare)" in str(again) and "dropped too much" in str(again)


@pytest.mark.slow  # two programs more
def test_a_later_attempt_is_answered_as_that_attempt(normal_mean: ModuleType) -> None:
    """The engine is told of the attempts before, and climbs its ladder by itself."""
    strict = replace(normal_mean.QUICK, gate=replace(normal_mean.OPEN, ess_per_chain=1e6))
    results = run(normal_mean.study(normal_mean.space(2, 1, 1)), engine=strict, progress=no_progress)
    attempts = results.sql("select distinct attempt from universes")["attempt"].tolist()
    again = results.rerun("reference", progress=no_progress)
    assert again.same
    assert [again.outcome.attempt] == attempts
    before = read_answers(results.store, "main", [again.key])[again.key].before
    assert before and all(outcome.attempt < attempts[0] for outcome in before)


def test_draws_that_were_changed_are_seen(small_run: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(*arguments: Any) -> Any:
        for outcomes, batch in answer_again(*arguments):
            for outcome in outcomes:
                outcome.draws["estimand/mu"].setflags(write=True)
                outcome.draws["estimand/mu"][0, 0] += 0.5
            yield outcomes, batch

    monkeypatch.setattr(rerun_module, "answer_again", moved)
    again = small_run.rerun("reference", progress=no_progress)
    assert not again.same
    assert "other draws of estimand/mu, site/mu" in again.comparison.changed  # one array, which the study calls twice
    assert "It is not the same as in the store." in str(again) and "other draws of estimand/mu" in str(again)


# Where the study comes from.


@pytest.mark.slow
def test_from_the_file_that_the_run_recorded(own_modules: None, normal_mean: ModuleType, tmp_path: Path) -> None:
    from multiverse.loading import load_study

    path = tmp_path / "filed.py"
    path.write_text(FILE)
    engine = replace(normal_mean.QUICK, warmup=50, draws=50)  # as tests/cli: the same program in the cache on disk
    run(load_study(path).study, store=tmp_path / "store", engine=engine, progress=no_progress)
    results = load(tmp_path / "store")
    again = results.rerun("reference", progress=no_progress)
    assert again.same and again.setup.study == str(path)

    path.write_text(FILE.replace("dist.Normal(mu, 1.0)", "dist.Normal(mu, 2.0)"))
    with pytest.raises(
        ResultError, match=rf"the study \({path}\) has another model than the one(.|\n)*undo the change"
    ):
        results.rerun("reference", progress=no_progress)
    path.write_text(FILE.replace('"weak": dist.Normal(0.0, 10.0)', '"weak": dist.Normal(0.0, 20.0)'))
    with pytest.raises(ResultError, match=r"rows='all', prior='weak'\) is not in the study: one of these options has"):
        results.rerun("reference", progress=no_progress)
    path.write_text(FILE.replace('"weak"', '"vague"'))  # a label alone: the same universe
    assert results.rerun("reference", progress=no_progress).same
    path.unlink()
    with pytest.raises(ResultError, match=rf"{path}, is not on this machine(.|\n)*--study study.py"):
        results.rerun("reference", progress=no_progress)


def test_a_removed_option_or_decision_is_named(normal_mean: ModuleType) -> None:
    results = run(normal_mean.study(normal_mean.space(2, 1, 2)), engine=normal_mean.QUICK, progress=no_progress)
    key = results.table().query("prior == 'unit' and dropped == 'two'")["key"].item()
    fewer = normal_mean.study(normal_mean.space(["wide", "far"], 1, 2))
    with pytest.raises(ResultError, match="'unit' is no option of 'prior' any more"):
        results.rerun(key, fewer, progress=no_progress)
    with pytest.raises(ResultError, match="'unit' is no option of 'prior' any more"):
        results.rerun(key, plan(fewer, progress=no_progress), progress=no_progress)


def test_a_store_alone_does_not_say_where_the_study_is(small_run: Results) -> None:
    loaded = load(small_run.store)
    with pytest.raises(ResultError, match="does not say which file its study can be loaded from(.|\n)*pass the study"):
        loaded.rerun("reference", progress=no_progress)
    assert loaded == small_run  # the study is not part of what results are


def test_a_plan_will_do(small_run: Results, twelve: Any) -> None:
    assert load(small_run.store).rerun("reference", twelve, progress=no_progress).same


def test_what_is_not_answered_yet(normal_mean: ModuleType) -> None:
    planned = plan(normal_mean.study(normal_mean.space(2, 1, 1)), progress=no_progress)
    results = run(planned.without([planned.reference]), engine=normal_mean.QUICK, progress=no_progress)
    with pytest.raises(ResultError, match="has not answered the universe"):
        results.rerun("reference", progress=no_progress)


def test_a_study_that_cannot_be_planned_any_more(small_run: Results, normal_mean: ModuleType) -> None:
    with pytest.raises(PlanError, match="noise"):
        small_run.rerun("reference", normal_mean.study(mv.Space()), progress=no_progress)


# Engines of others, and analyses that are no models.


def test_an_engine_of_ones_own_is_passed(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    study = normal_mean.study(normal_mean.space(2, 2, 1))
    results = run(study, engine=exact_engines.OneRound(draws=30), progress=no_progress)
    with pytest.raises(ResultError, match="made by an engine 'one_round', which is not one of ours"):
        results.rerun("reference", progress=no_progress)
    with pytest.raises(ResultError, match="draws: was 30, is 50"):
        results.rerun("reference", engine=exact_engines.OneRound(), progress=no_progress)
    assert results.rerun("reference", engine=exact_engines.OneRound(draws=30), progress=no_progress).same


def slope(data: Mapping[str, np.ndarray], *, dropped_outliers: int) -> float:
    y = np.sort(data["y"])[: len(data["y"]) - dropped_outliers]
    return float(y.mean())


def test_an_analysis_that_is_a_function() -> None:
    study = mv.Study(
        "a function",
        data={"y": np.arange(10.0)},
        estimate=slope,
        space=mv.Space(dropped_outliers=mv.preprocessing({"none": 0, "two": 2})),
    )
    results = run(study, progress=no_progress)
    again = results.rerun("reference", progress=no_progress)
    assert again.same and not again.draws
    assert again.outcome.estimates["estimate"]["mean"] == pytest.approx(4.5)
    assert "The outcome is the same as in the store" in str(again)


# A space of one universe.


def test_one_universe_of_a_space() -> None:
    space = (
        mv.Space(
            family=mv.likelihood({"normal": 1, "student": 2}),
            tail=mv.prior({"light": 30.0, "heavy": 4.0}),
            slope=mv.prior({"weak": 10.0, "tight": 0.5}),
        )
        .only_when("tail", lambda family: family == "student")
        .forbid("never with both", lambda tail, slope: (tail, slope) == ("heavy", "tight"))
    )
    for universe in space:
        small = space_of(space, universe)
        assert small is not None and list(small) == [universe] and small.reference == universe
        assert small.values(universe) == space.values(universe)
    assert space_of(space, {"family": "normal", "tail": None, "slope": "strong"}) is None
    assert space_of(space, {"family": "normal", "tail": None}) is None


def test_nothing_is_written(small_run: Results) -> None:
    store = small_run.store
    assert isinstance(store, MemoryStore)
    before = {kind: store.names(kind) for kind in ("part", "run", "plan", "study")}
    small_run.rerun("reference", progress=no_progress)
    assert {kind: store.names(kind) for kind in before} == before

"""What a user holds after a sweep: tables, SQL, draws, one universe, aggregates; and what is said to a slip."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
import pytest

from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import ResultError, StoreError
from multiverse.planning.build import plan
from multiverse.progress import no_progress
from multiverse.results import Results, load
from multiverse.store.contract import Columns, Store, Table
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run


def test_the_table_has_a_row_for_each_universe(small_run: Results, normal_mean: ModuleType) -> None:
    table = small_run.table()
    assert len(table) == 12 and table["key"].is_unique
    assert list(table.columns[:5]) == ["key", "dropped", "prior", "noise", "reference"]
    assert {"ok", "reason", "rows_kept", "seconds", "mean", "sd", "q2_5", "q97_5", "ess", "rhat"} <= set(table.columns)
    assert set(table["prior"]) == {"wide", "unit", "narrow"}
    assert table["reference"].sum() == 1
    for row in table.to_dict("records"):
        assert abs(row["mean"] - normal_mean.exact(row).mean) < 5 * row["mcse_mean"]
        assert row["rows_kept"] == 24 - normal_mean.DROPPED[row["dropped"]]
    assert small_run.table("mu").equals(table)


def test_the_order_is_that_of_the_space(small_run: Results, normal_mean: ModuleType) -> None:
    planned = plan(normal_mean.study(normal_mean.space(3, 2, 2)))
    assert small_run.table()["key"].tolist() == list(planned.keys)


def test_an_estimand_is_named_or_the_near_miss_is(small_run: Results) -> None:
    with pytest.raises(ResultError, match=r"'muu' is not an estimand of this run\.(.|\n)*Did you mean 'mu'"):
        small_run.table("muu")
    for ask in (small_run.uncertainty, small_run.attribution, small_run.summary, small_run.estimates):
        with pytest.raises(ResultError, match="Did you mean 'mu'"):
            ask("muu")


def test_sql_sees_all_views_and_changes_nothing(small_run: Results) -> None:
    counts = small_run.sql(
        "select prior, count(*) as n, avg(mean) as mean from estimates group by prior order by prior"
    )
    assert counts["n"].tolist() == [4, 4, 4]
    assert small_run.sql("select count(*) as n from options")["n"].tolist() == [7]
    gate = small_run.sql("select value from manifest where section = 'settings' and name = 'gate.rhat_max'")
    assert gate["value"].tolist() == ["Infinity"]
    with pytest.raises(ResultError):
        small_run.sql("drop table universes")
    assert len(small_run.table()) == 12


def test_what_is_known_of_the_run(small_run: Results, normal_mean: ModuleType) -> None:
    assert small_run.estimands == ("mu",)
    assert small_run.header.study == "normal mean"
    assert [d.name for d in small_run.header.decisions] == ["dropped", "prior", "noise"]
    settings = small_run.record.sections["settings"]
    assert (settings["draws"], settings["chains"], settings["keep"]) == ("100", "2", '"all"')
    assert small_run.record.sections["versions"]["numpyro"]
    assert small_run.status() == {"planned": 12, "answered": 12, "green": 12, "red": 0}
    assert len(small_run.failures()) == 0
    assert repr(small_run) == (
        "Results of 'normal mean', run 'main' in memory: 12 of 12 universes answered, 12 green, 0 red; estimands mu"
    )


def test_a_notebook_shows_the_results_and_their_summary(small_run: Results) -> None:
    shown = small_run._repr_html_()
    assert "12 of 12 universes answered" in shown
    assert all(summary.printed().title.split(":")[0] in html.unescape(shown) for summary in [small_run.summary()])


def test_keys_may_be_shortened(small_run: Results) -> None:
    table = small_run.table()
    whole = table["key"][3]
    assert small_run.key(whole) == small_run.key(whole[:10]) == whole
    assert small_run.key("reference") == table.loc[table["reference"], "key"].item()
    with pytest.raises(ResultError, match="no universes have a key that begins with 'zzz'"):
        small_run.key("zzz")
    with pytest.raises(ResultError, match="12 universes have a key that begins with ''"):
        small_run.key("")


# Draws.


@dataclass
class Watched:
    """A store that notes which columns of draws are read."""

    inner: Store
    read: list[str] = field(default_factory=list)

    def names(self, kind: str) -> frozenset[str]:
        return self.inner.names(kind)

    def put(self, kind: str, name: str, table: Table) -> None:
        raise AssertionError("results write nothing")

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        table = self.inner.get(kind, name, columns)
        self.read += [f"{name} {c}" for c in table.column_names if c.startswith("draws:") and table.num_rows]
        return table

    def scan(self, kind: str, columns: Columns = None, names: Iterable[str] | None = None) -> Table:
        table = self.inner.scan(kind, columns, names)
        self.read += [f"scan {c}" for c in table.column_names if c.startswith("draws:")]
        return table

    def open(self, kind: str, name: str) -> BinaryIO:
        return self.inner.open(kind, name)

    def describe(self) -> str:
        return self.inner.describe()


def test_draws_are_read_when_they_are_asked_for(small_run: Results) -> None:
    store = Watched(small_run.store)
    draws = Results(store, "main").draws(["mu", "twice"])
    assert {name: draws[name].dims for name in draws} == dict.fromkeys(["mu", "twice"], ("universe", "chain", "draw"))
    assert dict(draws.sizes) == {"universe": 12, "chain": 2, "draw": 100}
    store.read.clear()  # one part may tell the precision
    one = draws["mu"].isel(universe=5)
    assert store.read == []
    values = one.values
    assert len(store.read) == 1 and store.read[0].endswith(" draws:estimand/mu")
    key = small_run.table()["key"][5]
    assert str(draws["universe"].values[5]) == key
    assert values.mean() == pytest.approx(small_run.table()["mean"][5], rel=1e-5)


def test_draws_of_sites_that_were_kept(small_run: Results) -> None:
    keys = small_run.table()["key"].tolist()[:3]
    draws = small_run.draws(["twice", "log_prior", "log_likelihood"], keys=keys)
    assert draws["universe"].values.tolist() == keys
    np.testing.assert_array_equal(draws["twice"], 2 * small_run.draws("mu", keys=keys)["mu"])
    all_rows = small_run.table().query("dropped == 'none'")["key"]
    assert small_run.draws("residual", keys=all_rows)["residual"].dims == (
        "universe", "chain", "draw", "residual_dim_0",
    )  # fmt: skip
    with pytest.raises(ResultError, match="2 shapes"):  # padding is cut: universes have rows of their own
        small_run.draws("residual")


def test_draws_that_were_not_kept(normal_mean: ModuleType, small_run: Results) -> None:
    with pytest.raises(ResultError, match="draws of 'twise' were not kept(.|\n)*Did you mean 'twice'"):
        small_run.draws("twise")
    few = run(normal_mean.study(normal_mean.space(1, 1, 1)), engine=normal_mean.QUICK, progress=no_progress)
    with pytest.raises(ResultError, match=r"draws of 'twice' were not kept(.|\n)*keep=\['twice'\] in a new run"):
        few.draws("twice")
    assert set(few.draws()) == {"mu"}
    assert {"log_prior", "log_likelihood"} == set(few.draws(["log_prior", "log_likelihood"]))


def test_keep_takes_names(normal_mean: ModuleType) -> None:
    few = normal_mean.study(normal_mean.space(1, 1, 1))
    results = run(few, engine=normal_mean.QUICK, keep="twice", progress=no_progress)
    assert results.draws("twice")["twice"].shape == (1, 2, 100)
    with pytest.raises(ResultError, match="were not kept"):
        results.draws("residual")


def test_log_densities_are_those_of_the_model(small_run: Results, normal_mean: ModuleType) -> None:
    from scipy import stats

    row = small_run.table().query("dropped == 'two' and prior == 'unit' and noise == 'three'").iloc[0]
    draws = small_run.draws(["mu", "log_prior", "log_likelihood"], keys=[row["key"]]).isel(universe=0, chain=0)
    mu = draws["mu"].values.astype(float)
    np.testing.assert_allclose(draws["log_prior"], stats.norm(0, 1).logpdf(mu), atol=1e-5)
    y = normal_mean.Y[2:, None]
    np.testing.assert_allclose(draws["log_likelihood"], stats.norm(mu, 3).logpdf(y).sum(axis=0), rtol=1e-5)


def test_one_universe_is_an_arviz_object(small_run: Results) -> None:
    key = small_run.key("reference")
    data = small_run.universe(key[:12])
    assert set(data.posterior.data_vars) == {"mu", "twice", "residual"}
    assert data.posterior["mu"].dims == ("chain", "draw")
    assert data.posterior["residual"].shape == (2, 100, 24)
    assert set(data.sample_stats.data_vars) == {"log_prior", "log_likelihood_total"}
    np.testing.assert_array_equal(data.posterior["mu"], small_run.draws("mu", keys=[key])["mu"][0])
    assert small_run.universe("reference").posterior["mu"].equals(data.posterior["mu"])


def all_red(engine: Any) -> Any:
    """The engine, with an outcome that has no draws for every universe."""

    @dataclass(frozen=True)
    class Red:
        name: str = "red"

        def init(self, plan: Any, before: Any = ()) -> Any:
            return engine.init(plan)

        def ask(self, state: Any) -> Any:
            return engine.ask(state)

        def fit(self, batch: Any, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
            return tuple(Outcome(key, Reason.error, "singular") for key in batch.keys)

        def tell(self, state: Any, batch: Any, outcomes: Sequence[Outcome]) -> Any:
            return engine.tell(state, batch, outcomes)

    return Red()


def test_where_nothing_could_be_drawn_that_is_said(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    study = normal_mean.study(normal_mean.space(2, 1, 1))
    results = run(study, engine=all_red(exact_engines.OneRound()), progress=no_progress)
    assert results.status() == {"planned": 2, "answered": 2, "green": 0, "red": 2}
    with pytest.raises(ResultError, match="has no draws: singular"):
        results.universe("reference")
    with pytest.raises(ResultError, match="draws of 'mu' were not kept"):
        results.draws()
    assert results.table()["mean"].isna().all()


# Aggregates; their numbers are tested in tests/aggregate.


def test_aggregates_read_the_same_estimates(small_run: Results) -> None:
    estimates = small_run.estimates()
    assert estimates.estimand == "mu"
    assert "12 of 12 universes" in str(small_run.summary())
    within = (small_run.table()["sd"] ** 2).mean()
    assert small_run.uncertainty().within == pytest.approx(within, rel=1e-6)
    shares = str(small_run.attribution())
    assert all(name in shares for name in ("dropped", "prior", "noise", "likelihood", "preprocessing"))
    assert "above 0.1" in str(small_run.agreement(above=0.1))
    assert {"dropped", "prior", "noise"} >= set(small_run.interactions().table["first"])
    assert small_run.flips(above=0.1).reference == small_run.key("reference")
    for name in ("summary", "uncertainty", "attribution", "interactions", "agreement"):
        assert "each branch of an only_when weighs the same" in str(getattr(small_run, name)(weigh="branches"))


# Opening a store.


@pytest.fixture(scope="module")
def two_runs(normal_mean: ModuleType, exact_engines: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs "first" (2 universes) and, started later, "second" (4)."""
    store = tmp_path_factory.mktemp("results") / "store"
    for name, priors, seed in (("first", 2, 0), ("second", 4, 1)):
        study = normal_mean.study(normal_mean.space(priors, 1, 1))
        run(study, store=store, engine=exact_engines.OneRound(), seed=seed, run=name, progress=no_progress)
    return store


def test_a_store_is_loaded_by_its_folder(two_runs: Path) -> None:
    assert load(two_runs).run == load(str(two_runs)).run == "second"
    assert load(two_runs, run="first").status()["planned"] == 2
    assert load(FolderStore(two_runs), run="second").status()["planned"] == 4
    assert len(load(two_runs, run="first").failures()) == 0


def test_a_run_that_is_not_there_is_named_with_the_near_miss(two_runs: Path) -> None:
    with pytest.raises(ResultError, match=r"no run 'frist'\.(.|\n)*'second', 'first'(.|\n)*Did you mean 'first'"):
        load(two_runs, run="frist").table()
    with pytest.raises(ResultError, match="no run 'frist'"):
        repr(load(two_runs, run="frist"))


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        load(tmp_path / "nowhere")
    with pytest.raises(ResultError, match="holds no run"):
        load(MemoryStore())


def test_results_follow_a_run_that_is_still_writing(
    normal_mean: ModuleType, exact_engines: ModuleType, tmp_path: Path
) -> None:
    study = normal_mean.study(normal_mean.space(3, 2, 2))
    planned, store = plan(study), tmp_path / "store"
    half = planned.without(planned.keys[6:])
    results = run(half, store=store, engine=exact_engines.OneRound(), progress=no_progress)
    assert results.status() == {"planned": 12, "answered": 6, "green": 6, "red": 0}
    run(planned, store=store, engine=exact_engines.OneRound(), progress=no_progress)
    assert results.status() == {"planned": 12, "answered": 12, "green": 12, "red": 0}
    assert results.draws()["mu"].sizes["universe"] == 12

"""The views, on a small store of every sort of outcome, against what was put in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiverse.engines.outcome import DrawsName, Interval, Outcome, Reason
from multiverse.errors import ResultError, StoreError
from multiverse.store import synthetic
from multiverse.store.contract import Store
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.store.part import encode
from multiverse.store.plan_table import PlannedDecision, PlannedOption, PlannedUniverse, PlanRecord, encode_plan
from multiverse.store.records import RunRecord, encode_run
from multiverse.store.schema import DECISIONS, RESERVED_COLUMNS, VIEWS
from multiverse.store.sql import ask, query
from multiverse.store.views import open_views

NAMES = [decision.name for decision in synthetic.DECISIONS]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path)


@pytest.fixture
def filled(store: Store) -> Store:
    synthetic.fill(store)
    return store


def put(store: Store, name: str, *outcomes: Outcome, run: str = "main") -> None:
    told = {"engine": "nuts", "batch": name, "program": "p", "rows_kept": {}, "host": "h", "finished": synthetic.WHEN}
    store.put("part", name, encode(outcomes, run=run, **told))


def put_plan(store: Store, plan: PlanRecord, run: str = "main", number: int = 2) -> None:
    started = synthetic.WHEN + timedelta(hours=number)
    record = RunRecord(run, f"id-{run}", plan.name(), number, started)
    store.put("plan", plan.name(), encode_plan(plan))
    store.put("run", record.name(), encode_run(record))


def columns(store: Store, view: str) -> dict[str, str]:
    found = query(store, f"describe {view}")
    return dict(zip(found.column_name, found.column_type, strict=True))


def test_an_empty_store_has_empty_typed_views(store: Store) -> None:
    for view, kinds in VIEWS.items():
        assert query(store, f"from {view}").empty
        assert columns(store, view) == {name: kind for name, kind in kinds.items() if name != DECISIONS}


def test_views_have_the_columns_they_say(filled: Store) -> None:
    for view, kinds in VIEWS.items():
        expected: dict[str, str] = {}
        for name, kind in kinds.items():
            expected |= dict.fromkeys(NAMES, kind) if name == DECISIONS else {name: kind}
        assert list(columns(filled, view).items()) == list(expected.items())
        assert {name.lower() for name in expected} <= RESERVED_COLUMNS | set(NAMES)


def test_nothing_is_kept_beside_the_views(filled: Store) -> None:
    """What they are made of was not copied, and nobody sees it."""
    with closing(open_views(filled)) as con:
        tables = con.execute("select table_name from information_schema.tables").fetchall()
        assert {name for (name,) in tables} == set(VIEWS)


def test_any_store_shows_the_same(filled: Store) -> None:
    memory = MemoryStore()
    synthetic.fill(memory)
    with closing(open_views(filled)) as one, closing(open_views(memory)) as other:
        for view in VIEWS:
            rows = f"from {view} order by all"
            pd.testing.assert_frame_equal(ask(one, rows), ask(other, rows))


def test_universes_are_those_of_the_plan_in_its_order(filled: Store) -> None:
    plan = synthetic.plan()
    found = query(filled, "from universes")
    assert list(found.key) == [universe.key for universe in plan.universes]
    for name in NAMES:
        labels = [universe.labels[name] for universe in plan.universes]
        assert [None if pd.isna(label) else label for label in found[name]] == labels
    assert list(found.reference) == [True] + [False] * 11
    assert list(found.rows_kept) == [universe.rows_kept for universe in plan.universes]
    assert list(found.program) == [universe.program for universe in plan.universes]
    red = {synthetic.DIVERGED: "divergences", synthetic.RAISED: "error"}
    assert [None if pd.isna(reason) else reason for reason in found.reason] == [red.get(i) for i in range(12)]
    assert list(found.ok) == [i not in red for i in range(12)]
    assert list(found.attempt) == [2 if i == synthetic.RETRIED else 1 for i in range(12)]
    assert found.final.all()
    assert found.finished.min() == pd.Timestamp("2026-01-01")


def test_estimates_are_what_the_engine_said(filled: Store) -> None:
    found = query(filled, "from estimates")
    assert list(found.key) == sorted(found.key) and set(found.key[:2]) == {synthetic.plan().universes[0].key}
    said = {outcome.key: outcome for outcome in synthetic.outcomes(synthetic.plan().universes)}
    assert len(found) == 11 * 2  # one raised, and has none
    for row in found.to_dict("records"):
        numbers = said[row["key"]].estimates[row["estimand"]]
        assert {name: row[name] for name in numbers} == numbers
        assert row["ok"] == said[row["key"]].ok


def test_estimates_say_which_kind_of_interval_they_have(filled: Store) -> None:
    told = {name: {"mean": 1.0} for name in ("draws", "error", "number")}
    kinds = {"error": Interval.confidence, "number": Interval.none}
    keys = [universe.key for universe in synthetic.plan().universes[:2]]
    for key in keys:
        put(filled, f"other-{key}", Outcome(key, attempt=9, estimates=told, intervals=kinds))
    old = filled.get("part", f"other-{keys[1]}").drop_columns("interval")
    put_old = MemoryStore()
    for kind in ("study", "plan", "run"):
        for name in filled.names(kind):
            put_old.put(kind, name, filled.get(kind, name))
    put_old.put("part", "new", filled.get("part", f"other-{keys[0]}"))
    put_old.put("part", "old", old)
    found = query(put_old, "select key, estimand, interval from estimates order by all")
    assert [tuple(row) for row in found.itertuples(index=False)] == [
        (keys[0], "draws", "credible"),
        (keys[0], "error", "confidence"),
        (keys[0], "number", "none"),
        *((keys[1], name, "credible") for name in told),  # written before the column was
    ]


def test_every_attempt_has_diagnostics(filled: Store) -> None:
    found = query(filled, "select key, attempt, final, ok, rhat_max from diagnostics")
    assert len(found) == 13
    retried = found[found.key == f"{synthetic.RETRIED:032x}"]
    assert (
        list(retried.attempt) == [1, 2] and list(retried.final) == [False, True] and list(retried.ok) == [False, True]
    )
    assert query(filled, "select key from diagnostics where rhat_max is null").key[0] == f"{synthetic.RAISED:032x}"


def test_failures_tell_what_and_how_to_mend(filled: Store) -> None:
    found = query(filled, "from failures").to_dict("records")
    assert [row["reason"] for row in found] == ["divergences", "error"]
    assert [row["message"] for row in found] == ["12 divergences", "ValueError: no rows"]
    assert [row["mend"] for row in found] == [Reason.divergences, Reason.error]
    assert "Traceback" in found[1]["traceback"]
    assert found[1]["family"] == "student"


def test_planned_says_what_is_answered(store: Store) -> None:
    plan = synthetic.fill(store)
    more = replace(plan, universes=(*plan.universes, PlannedUniverse("new", {"family": "normal"}, "p")))
    put_plan(store, more)
    found = query(store, "select key, answered from planned")
    assert list(found.key) == [universe.key for universe in more.universes]
    assert list(found.answered) == [True] * 12 + [False]
    assert len(query(store, "from universes")) == 12


def test_two_labels_of_one_analysis_stand_apart(store: Store) -> None:
    plan = synthetic.plan()
    first = plan.universes[0]
    twin = first._replace(labels={**first.labels, "slope": "sceptical"}, reference=False)
    put_plan(store, replace(plan, universes=(first, twin)))
    put(store, "p1", Outcome(first.key, estimates={"effect": {"mean": 1.0}}, draws={"site/b": np.ones((1, 2))}))
    for view in ("universes", "estimates", "planned"):
        assert list(query(store, f"from {view}").slope) == ["weak", "sceptical"]
    assert len(query(store, "from draws")) == len(query(store, "from diagnostics")) == 1


def test_decisions_may_be_called_as_sql_is(store: Store) -> None:
    names = ("order", "select", 'group"by', "größe")
    header = replace(
        synthetic.plan().header,
        decisions=tuple(PlannedDecision(name, "prior", (PlannedOption("it's"),)) for name in names),
    )
    put_plan(store, PlanRecord(header, (PlannedUniverse("k", dict.fromkeys(names, "it's"), "p"),)))
    put(store, "p1", Outcome("k", Reason.ess, estimates={"effect": {"mean": 1.0}}))
    for view in ("universes", "estimates", "failures", "planned"):
        assert list(query(store, f"from {view}")[list(names)].iloc[0]) == ["it's"] * 4


def test_the_latest_plan_gives_labels_and_universes(store: Store) -> None:
    plan = synthetic.fill(store)
    renamed = replace(
        plan.header,
        decisions=tuple(
            decision._replace(
                options=tuple(o._replace(label=o.label.upper(), why="said louder") for o in decision.options)
            )
            for decision in plan.header.decisions[:2]
        ),
    )
    labels = ("counties", "family")
    louder = tuple(
        universe._replace(labels={name: str(universe.labels[name]).upper() for name in labels})
        for universe in plan.universes[:6]
    )
    put_plan(store, PlanRecord(renamed, louder))
    found = query(store, "from universes")
    assert list(found.key) == [universe.key for universe in plan.universes[:6]]
    assert set(found.counties) == {"ALL"} and "tail" not in found.columns
    assert set(query(store, "from estimates").family) == {"NORMAL", "STUDENT"}
    assert set(query(store, "from options").why) == {"said louder"}
    assert len(query(store, "select distinct key from draws")) == 6
    put_plan(store, plan, number=3)
    assert len(query(store, "from universes")) == 12  # planned again, they are there again


def test_options_keep_their_order_and_reasons(filled: Store) -> None:
    found = query(filled, "from options order by decision, position").to_dict("records")
    assert [(row["decision"], row["label"]) for row in found[:2]] == [
        ("counties", "all"),
        ("counties", "five homes or more"),
    ]
    assert found[1]["why"] == "small counties are noisy" and found[1]["plausibility"] == 0.25
    assert [row["reference"] for row in found] == [True, False] * 4
    assert {row["decision"]: row["kind"] for row in found}["family"] == "likelihood"


def test_several_runs_stand_beside_each_other(store: Store) -> None:
    plan = synthetic.fill(store)
    synthetic.fill(store, "other")
    widened = replace(
        plan.header,
        decisions=(
            PlannedDecision("Family", "likelihood", (PlannedOption("normal"), PlannedOption("cauchy"))),
            PlannedDecision("outliers", "preprocessing", (PlannedOption("kept"),)),
        ),
    )
    key = plan.universes[0].key
    put_plan(
        store, PlanRecord(widened, (PlannedUniverse(key, {"Family": "cauchy", "outliers": "kept"}, "p"),)), "other"
    )
    found = query(store, "select run, count(*) as n, count(outliers) as o from universes group by run order by run")
    assert found.to_dict("list") == {"run": ["main", "other"], "n": [12, 1], "o": [0, 1]}
    # a decision that two runs spell differently is one column
    assert query(store, "select family from universes where run = 'other'").iloc[0, 0] == "cauchy"
    assert len(query(store, f"from draws where key = '{key}' and site = 'slope'")) == 2 * synthetic.CHAINS
    labels = query(store, "select label from options where decision ilike 'family' order by position").label
    assert list(labels) == ["normal", "cauchy", "student"]  # the newest run first
    assert set(query(store, "select distinct run from manifest where run is not null").run) == {"main", "other"}


def test_the_manifest_holds_the_latest_record_of_a_run(filled: Store) -> None:
    found = query(filled, "select section, name, value from manifest where run = 'main'")
    assert ("versions", "jax", "0.10.2") in set(found.itertuples(index=False, name=None))
    assert query(filled, "select value from manifest where run is null and name = 'model'").value[0] == "3f2a"


def test_the_final_attempt_is_shown_and_nothing_twice(store: Store) -> None:
    plan = synthetic.plan()
    put_plan(store, plan, number=1)
    a, b, c, d = (universe.key for universe in plan.universes[:4])
    effect = {"effect": {"mean": 1.0}}
    put(store, "p1", Outcome(a, Reason.rhat, estimates=effect, final=False), Outcome(b, Reason.rhat, final=False))
    put(store, "p2", Outcome(a, estimates=effect, attempt=2), Outcome(c, Reason.ess, estimates=effect))
    put(store, "p3", Outcome(a, estimates=effect, attempt=2), Outcome(c, Reason.rhat, attempt=2, final=False))
    put(store, "p4", Outcome(d, Reason.ess), Outcome(d, estimates=effect, attempt=2))
    put(store, "p5", Outcome("not planned", estimates=effect))
    put(store, "p6", Outcome(a, estimates=effect), run="not recorded")
    found = query(store, "select key, attempt, final, ok, batch from universes order by key").to_dict("records")
    assert [tuple(row.values()) for row in found] == [
        (a, 2, True, True, "p2"),
        (b, 1, False, False, "p1"),
        (c, 1, True, False, "p2"),
        (d, 2, True, True, "p4"),
    ]
    assert list(query(store, "select key from estimates order by key").key) == [a, c, d]
    # a universe that is still being retried has not failed
    assert list(query(store, "select key from failures").key) == [c]
    assert len(query(store, "from diagnostics")) == 7


def test_further_numbers_of_an_engine_are_further_columns(store: Store) -> None:
    plan = synthetic.plan()
    put_plan(store, plan)
    estimates = {"effect": {"mean": 1.0, "df": 7.0, "tail": 3.0}}
    put(store, "p1", Outcome(plan.universes[0].key, estimates=estimates, diagnostics={"khat": 0.4, "ok": 2.0}))
    put(store, "p2", Outcome(plan.universes[1].key, estimates={"effect": {"mean": 2.0}}))
    found = query(store, 'select df, "estimate:tail" as clash, tail from estimates order by key')
    assert found.df[0] == 7 and pd.isna(found.df[1])
    assert found.clash[0] == 3 and pd.isna(found["tail"][0])
    found = query(store, 'select khat, "diagnostic:ok" as clash, ok from diagnostics order by key')
    assert found.iloc[0].tolist() == [0.4, 2.0, True]


class TestDraws:
    def test_every_number_is_where_it_belongs(self, filled: Store) -> None:
        found = query(filled, "from draws")
        said: dict[str, Outcome] = {o.key: o for o in synthetic.outcomes(synthetic.plan().universes)}
        seen = 0
        for row in found.itertuples():
            array = said[row.key].draws[f"{row.kind}/{row.site}"]
            flat = array.reshape(*array.shape[:2], -1)
            np.testing.assert_array_equal(row.draws, flat[row.chain, :, row.element])
            seen += len(row.draws)
        assert seen == sum(array.size for outcome in said.values() for array in outcome.draws.values())

    def test_a_mean_of_a_list_is_the_mean_of_the_draws(self, filled: Store) -> None:
        found = query(
            filled,
            "select e.mean, m.mean as by_hand from estimates as e join (select key, site, avg(list_avg(draws)) as mean "
            "from draws where kind = 'estimand' group by key, site) as m on m.key = e.key and m.site = e.estimand",
        )
        assert len(found) == 22
        np.testing.assert_allclose(found["mean"], found.by_hand, rtol=1e-6)

    def test_the_attempt_that_counts_is_shown(self, store: Store) -> None:
        plan = synthetic.plan()
        put_plan(store, plan)
        key, array = plan.universes[0].key, np.ones((1, 2), np.float32)
        put(store, "p1", Outcome(key, Reason.rhat, draws={"site/b": array}, final=False))
        put(store, "p2", Outcome(key, draws={"site/b": 2 * array}, attempt=2))
        put(store, "p3", Outcome(key, draws={"site/b": 2 * array}, attempt=2))
        assert [list(row) for row in query(store, "select draws from draws").draws] == [[2, 2]]

    def test_names_that_differ_only_in_case_or_hold_quotes(self, store: Store) -> None:
        plan = synthetic.plan()
        put_plan(store, plan)
        names = ["b", "B", "b.c", "it's", 'say "b"', "a/b", "^b", "b\\"]
        draws = {str(DrawsName("site", name)): np.full((1, 2), float(i)) for i, name in enumerate(names)}
        put(store, "p1", Outcome(plan.universes[0].key, draws=draws))
        found = query(store, "select site, draws from draws")
        assert {row.site: list(row.draws) for row in found.itertuples()} == {n: [i, i] for i, n in enumerate(names)}

    def test_parts_may_hold_other_sites_shapes_and_precisions(self, store: Store) -> None:
        plan = synthetic.plan()
        put_plan(store, plan)
        put_plan(store, plan, "double", 1)
        a, b, c = (universe.key for universe in plan.universes[:3])
        narrow = {"site/b": np.arange(12, dtype=np.float32).reshape(2, 3, 2)}
        wide = {"site/b": np.arange(4, dtype=np.float32).reshape(1, 4), "site/c": np.zeros((1, 4))}
        put(store, "p1", Outcome(a, draws=narrow), Outcome(b, draws=wide))
        put(store, "p2", Outcome(c, Reason.error))
        put(store, "p3", Outcome(a, draws={"site/b": np.full((1, 1), 0.1)}), run="double")
        found = query(store, "select key, run, element, chain, draws from draws where site = 'b' order by all")
        assert len(found) == 4 + 1 + 1
        assert found.draws[found.run == "double"].iloc[0][0] == 0.1
        assert list(found.draws[(found.key == a) & (found.element == 1) & (found.chain == 1)].iloc[0]) == [7, 9, 11]
        assert columns(store, "draws")["draws"] == "DOUBLE[]"

    def test_not_a_number_is_null(self, store: Store) -> None:
        plan = synthetic.plan()
        put_plan(store, plan)
        put(store, "p1", Outcome(plan.universes[0].key, draws={"site/b": np.array([[1.0, np.nan, 3.0]])}))
        assert query(store, "select list_avg(draws) as mean from draws").iloc[0, 0] == 2

    def test_a_damaged_part_is_named(self, tmp_path: Path) -> None:
        store = FolderStore(tmp_path)
        synthetic.fill(store)
        with closing(open_views(store)) as con:
            file = store.file("part", "main-004")
            file.write_bytes(file.read_bytes()[:200])
            with pytest.raises(ResultError, match="main-004"):
                ask(con, "from draws")
        with pytest.raises(StoreError, match="the part .main-004. of .* is damaged"):
            query(store, "from universes")


@pytest.fixture
def con(filled: Store) -> Iterator[object]:
    with closing(open_views(filled)) as opened:
        yield opened


def test_a_mistake_names_the_columns_there_are(filled: Store) -> None:
    with pytest.raises(ResultError) as caught:
        query(filled, "select meen from estimates")
    assert '"meen" not found' in str(caught.value)
    assert "estimates(key, run, counties, family, tail, slope, reference, ok, estimand, interval," in str(caught.value)
    assert "other views: universes, diagnostics" in str(caught.value)
    with pytest.raises(ResultError, match=r"universes\(key, run, counties"):
        query(filled, "select * from universe")


def test_many_questions_to_one_moment(con: object, filled: Store) -> None:
    put(filled, "later", Outcome("k"))
    assert ask(con, "select count(*) as n from universes").n[0] == 12  # type: ignore[arg-type]
    assert ask(con, "with u as (from universes) select count(*) as n from u").n[0] == 12  # type: ignore[arg-type]
    assert len(ask(con, "summarize estimates")) == 23  # type: ignore[arg-type]

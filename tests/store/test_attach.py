"""Attached views show what ours show, also later; the file is small, stands apart, and older DuckDBs read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import StoreError
from multiverse.results import load
from multiverse.store import synthetic
from multiverse.store.attach import STORAGE, attach_statement, attach_views, database_name, write_views
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.store.part import encode
from multiverse.store.plan_table import PlannedDecision, PlannedOption, PlannedUniverse, PlanRecord, encode_plan
from multiverse.store.records import RunRecord, encode_run
from multiverse.store.schema import VIEWS
from multiverse.store.views import open_views

Shown = dict[str, tuple[list[tuple[str, str]], list[str]]]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Retried, red and raised universes in two runs."""
    store = FolderStore(tmp_path / "the store's [own] folder*")
    synthetic.fill(store)
    synthetic.fill(store, "other", batch=5)
    return store


@pytest.fixture
def con() -> Iterator[Any]:
    with closing(duckdb.connect()) as con:
        yield con


def shown(con: Any, database: str = "") -> Shown:
    """View -> its columns with their types, and its rows in some order."""
    found = {view: con.sql(f"from {database and database + '.'}{view}") for view in VIEWS}
    return {
        view: (list(zip(of.columns, map(str, of.types), strict=True)), sorted(map(repr, of.fetchall())))
        for view, of in found.items()
    }


def ours(store: FolderStore) -> Shown:
    with closing(open_views(store)) as con:
        return shown(con)


def put(store: FolderStore, name: str, *outcomes: Outcome, run: str = "main", seconds: int = 10_000) -> None:
    when = synthetic.WHEN + timedelta(seconds=seconds)
    told = {"engine": "nuts", "batch": name, "program": "p", "rows_kept": {}, "host": "h", "finished": when}
    store.put("part", name, encode(outcomes, run=run, **told))


def put_plan(store: FolderStore, plan: PlanRecord, run: str, number: int) -> None:
    record = RunRecord(run, f"id-{run}", plan.name(), number, synthetic.WHEN + timedelta(hours=number))
    store.put("plan", plan.name(), encode_plan(plan))
    store.put("run", record.name(), encode_run(record))


def test_a_file_shows_the_same(store: FolderStore, con: Any, tmp_path: Path) -> None:
    write_views(store, tmp_path / "radon.duckdb")
    con.execute(attach_statement(tmp_path / "radon.duckdb"))
    expected = ours(store)
    assert all(rows for _, rows in expected.values())
    assert shown(con, "radon") == expected
    found = con.sql("select view_name from duckdb_views() where database_name = 'radon'").fetchall()
    assert {name for (name,) in found} == set(VIEWS)


def test_what_is_answered_later_is_shown(store: FolderStore, con: Any, tmp_path: Path) -> None:
    write_views(store, tmp_path / "radon.duckdb")
    con.execute(attach_statement(tmp_path / "radon.duckdb"))
    before = shown(con, "radon")
    keys = [universe.key for universe in synthetic.plan().universes]
    effect = {"effect": {"mean": 1.0}}
    raised, retried = keys[synthetic.RAISED], keys[synthetic.DIVERGED]
    draws = {"site/slope": np.ones((1, 3), np.float32), "estimand/effect": np.ones((2, 2, 2))}
    put(store, "later", Outcome(raised, estimates=effect, attempt=2, draws=draws))
    put(store, "again", Outcome(keys[0], estimates=effect), Outcome(keys[1], estimates=effect), seconds=20_000)
    put(store, "tried", Outcome(retried, Reason.rhat, estimates=effect, attempt=2, final=False))
    put(store, "stray", Outcome("not planned", estimates=effect))
    put(store, "alone", Outcome(keys[0], estimates=effect), run="not recorded")
    assert shown(con, "radon") == ours(store) != before


def test_a_later_plan_is_shown(store: FolderStore, con: Any, tmp_path: Path) -> None:
    write_views(store, tmp_path / "radon.duckdb")
    con.execute(attach_statement(tmp_path / "radon.duckdb"))
    plan = synthetic.plan()
    louder = tuple(
        decision._replace(
            options=tuple(o._replace(label=o.label.upper(), why="it's said louder") for o in decision.options[::-1])
        )
        for decision in plan.header.decisions
    )
    universes = tuple(
        universe._replace(labels={name: label and label.upper() for name, label in universe.labels.items()})
        for universe in plan.universes[:7]
    )
    put_plan(store, PlanRecord(replace(plan.header, decisions=louder), universes), "main", 2)
    assert shown(con, "radon") == ours(store)


def test_plans_and_parts_that_differ_in_columns(store: FolderStore, con: Any, tmp_path: Path) -> None:
    plan = synthetic.plan()
    header = replace(
        plan.header,
        decisions=(
            PlannedDecision("Family", "prior", (PlannedOption("cauchy"), PlannedOption("normal", 'it\'s "usual"', 2))),
            PlannedDecision('group"by', "likelihood", (PlannedOption("it's"),)),
        ),
    )
    key = plan.universes[0].key
    put_plan(
        store, PlanRecord(header, (PlannedUniverse(key, {"Family": "cauchy", 'group"by': None}, "p"),)), "other", 3
    )
    more = {"effect": {"mean": 1.0, "df": 7.0, "tail": 3.0}}
    draws = {"site/B": np.ones((1, 2)), "site/it's": np.ones((1, 2, 3), np.float32), "estimand/effect": np.ones((1, 2))}
    outcome = Outcome(key, estimates=more, diagnostics={"khat": 0.4, "ok": 2.0}, attempt=9, draws=draws)
    put(store, "more", outcome, run="other")
    write_views(store, tmp_path / "radon.duckdb")
    con.execute(attach_statement(tmp_path / "radon.duckdb"))
    expected = ours(store)
    assert ("df", "DOUBLE") in expected["estimates"][0] and ("draws", "DOUBLE[]") in expected["draws"][0]
    assert shown(con, "radon") == expected


def test_a_connection_of_a_user_gets_them_beside_what_it_has(store: FolderStore, con: Any) -> None:
    con.execute("create table universes as select 1 as mine")
    attach_views(con, store, "radon")
    assert shown(con, "radon") == ours(store)
    assert con.sql("from universes").fetchall() == [(1,)]
    joined = con.sql("select count(*) from radon.estimates join universes on mine = 1").fetchall()
    assert joined == [(44,)]
    with pytest.raises(StoreError, match=r"cannot attach a database 'radon'(.|\n)*detach radon"):
        attach_views(con, store, "radon")
    attach_views(con, store, 'say "so"')
    assert len(con.sql('from "say ""so""".options').fetchall()) == 8


def test_results_attach(store: FolderStore, con: Any, tmp_path: Path) -> None:
    load(store).attach(con)
    assert len(con.sql("from the_store_s_own_folder.universes").fetchall()) == 24
    load(store).attach(con, name="mine")
    assert len(con.sql("from mine.universes").fetchall()) == 24


def test_the_file_is_for_reading_and_old_duckdbs_may(store: FolderStore, con: Any, tmp_path: Path) -> None:
    file = tmp_path / "radon.duckdb"
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    write_views(store, file)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after.pop(file) and after == before
    con.execute(attach_statement(file))
    (tags,) = con.sql("select tags from duckdb_databases() where database_name = 'radon'").fetchall()[0]
    assert tags["storage_version"] == f"{STORAGE}+"
    with pytest.raises(duckdb.Error, match="read-only"):
        con.execute("drop view radon.universes")


def test_an_older_file_is_replaced_while_it_is_read(store: FolderStore, con: Any, tmp_path: Path) -> None:
    file = tmp_path / "radon.duckdb"
    write_views(store, file)
    con.execute(attach_statement(file))
    write_views(store, file)
    assert len(con.sql("from radon.universes").fetchall()) == 24


def test_no_file_in_the_store(store: FolderStore) -> None:
    with pytest.raises(StoreError, match="lies in the store"):
        write_views(store, store.path / "parts" / "views.duckdb")


def test_what_cannot_be_attached_says_why(tmp_path: Path, con: Any) -> None:
    memory, empty = MemoryStore(), FolderStore(tmp_path / "empty")
    synthetic.fill(memory)
    for store, why in ((memory, "no folder of this machine"), (empty, "holds no run")):
        with pytest.raises(StoreError, match=why):
            write_views(store, tmp_path / "v.duckdb")
        with pytest.raises(StoreError, match=why):
            attach_views(con, store, "v")
    put_plan(empty, synthetic.plan(), "main", 1)
    with pytest.raises(StoreError, match="holds no answers yet"):
        write_views(empty, tmp_path / "v.duckdb")
    assert not (tmp_path / "v.duckdb").exists()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("runs/radon", "radon"),
        ("My Views.duckdb", "my_views"),
        ("2024.duckdb", "views_2024"),
        ("select.duckdb", "views_select"),
        ("main.duckdb", "views_main"),
        ("ü.duckdb", "views"),
    ],
)
def test_a_name_needs_no_quotes(con: Any, place: str, name: str) -> None:
    assert database_name(Path(place)) == name
    con.execute(f"attach ':memory:' as {name}; use {name}")

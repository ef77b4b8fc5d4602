"""Hostile SQL reaches no file but the parts, and changes nothing: neither on the disk nor in the next answer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from multiverse.errors import ResultError, StoreError
from multiverse.store import synthetic
from multiverse.store.draws_view import text as quoted
from multiverse.store.folder import FolderStore
from multiverse.store.limits import TimeLimit
from multiverse.store.read_only import ReadOnlyParts, part_address
from multiverse.store.schema import VIEWS
from multiverse.store.sql import answered, ask, query
from multiverse.store.views import open_views

SECRET = "not for SQL"


def escape(sql: str) -> str:
    """The text as DuckDB would run it on a connection that is not ours."""
    return f"select * from json_execute_serialized_sql(json_serialize_sql({quoted(sql)}))"


OUT = quoted("{outside}/evil.csv")
# {store}: the store's folder; {outside}: a folder beside it with a file `secret.txt` and a whole Parquet file
ATTACKS = {
    "write": [
        "create table evil as select 1",
        "create or replace view draws as select 1",
        "create macro avg(x) as 1",
        "drop table universes",
        "alter table universes rename to u",
        "delete from universes",
        "truncate universes",
        "insert into manifest values ('a', 'b', 'c', 'd')",
        "update universes set ok = true",
        "merge into universes using (select 1) as t on true when matched then delete",
        "with x as (delete from universes returning key) select * from x",
        "with x as (update universes set ok = true returning key) select * from x",
        "select 1; drop table universes",
        "select * from query('drop table universes')",
        "begin transaction",
        "checkpoint",
        "vacuum",
        "prepare p as select 1",
    ],
    "copy": [
        "copy (select 1) to '{store}/parts/part-evil.parquet'",
        "copy (select 1) to 'store://parts/evil'",
        "copy (select 1) to '{outside}/evil.csv'",
        "copy universes from '{outside}/secret.txt'",
        "with x as (copy (select 1) to '{store}/parts/part-evil.parquet') select * from x",
        "with x as (copy (select 1) to 'store://parts/evil') select * from x",
        "select * from query('copy (select 1) to ''{outside}/evil.csv''')",
        "explain analyze copy (select 1) to '{outside}/evil.csv'",
        "export database '{outside}/evil'",
        "import database '{outside}'",
    ],
    "attach": [
        "attach '{outside}/evil.duckdb' as evil",
        "attach '{store}/evil.duckdb' as evil",
        "attach ':memory:' as evil",
        "attach 'store://parts/main-000' as evil (read_only)",
        "select * from read_duckdb('{outside}/evil.duckdb')",
        "use temp",
        "detach memory",
    ],
    "other files": [
        "select * from read_text('/etc/passwd')",
        "select * from read_text('/proc/self/environ')",
        "select * from read_text('{outside}/secret.txt')",
        "select * from read_blob('{store}/parts/link')",
        "select * from read_csv('{outside}/secret.txt')",
        "select * from read_csv('/dev/stdin')",
        "select * from read_json('{outside}/secret.txt')",
        "select * from sniff_csv('{outside}/secret.txt')",
        "select * from read_parquet('{outside}/parts/part-whole.parquet')",
        "select * from '{outside}/parts/part-whole.parquet'",
        "select * from query_table(['universes', '{outside}/parts/part-whole.parquet'])",
        "select * from parquet_metadata('{outside}/parts/part-whole.parquet')",
        "select * from read_parquet('store://parts/../../outside/parts/part-whole')",
        "select * from read_parquet('store://../outside/parts/part-whole.parquet')",
        "select * from read_parquet('store://parts/link')",
        "select * from read_parquet('store://parts/*')",
        "select * from read_parquet('file://{outside}/parts/part-whole.parquet')",
        "select * from glob('{outside}/*')",
        "select * from glob('*')",
        "select * from duckdb_secrets()",
        "select * from duckdb_extensions()",
        "select getenv('HOME')",
    ],
    "settings": [
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set memory_limit = '1KB'",
        "set threads = 64",
        "set temp_directory = '{outside}'",
        "reset lock_configuration",
        "pragma database_list",
        "pragma enable_profiling",
        "call pragma_version()",
        "select * from enable_logging(storage = 'file', storage_path = '{outside}/logs')",
        "select * from enable_profiling(save_location = '{outside}/profile.json')",
        "create persistent secret evil (type s3, key_id 'a')",
    ],
    "network and extensions": [
        "install httpfs",
        "load httpfs",
        "select * from read_csv('https://example.org/a.csv')",
        "select * from 's3://bucket/a.parquet'",
        "select * from sqlite_scan('{outside}/a.db', 't')",
    ],
    "Python": [
        "select * from secrets_of_python",
        "select * from frame_of_python",
        "select * from pandas_scan(1)",
        "select * from python_arrow_scan(1)",
        "select * from arrow_scan(1::pointer, 1::pointer, 1::pointer)",
    ],
    # through a second connection, which JSON opens for a text: it may write, and sees no view
    "escapes": [
        escape("with x as (copy (select 1) to '{store}/parts/part-evil.parquet') select * from x"),
        escape("with x as (copy (select 1) to 'store://parts/evil') select * from x"),
        escape("with x as (delete from universes returning key) select * from x").replace("json_ex", "Json_Ex"),
        escape("with x as (update temp.universes set ok = true returning key) select * from x"),
        escape("with x as (insert into manifest values (1, 2, 3, 4) returning *) select * from x"),
        escape("select * from read_text('{outside}/secret.txt')"),
        escape("from enable_logging(storage = 'file', storage_path = '{outside}/logs')"),
        f"select * from query({quoted(escape('with x as (copy (from range(3)) to ' + OUT + ') from x'))})",
    ],
}
# What DuckDB answers, and why that does no harm
ANSWERED = {
    "select * from duckdb_settings()": "the settings are no secret, and locked",
    "select current_setting('allowed_directories')": "the same",
    "select * from read_text('store:///etc/passwd')": "our door knows no such path: no rows",
    "select * from glob('store://parts/*')": "our door lists nothing: no rows",
    "select write_log('evil')": "logging is off, and cannot be switched on",
    "select * from truncate_duckdb_logs()": "there are none",
    "select * from checkpoint()": "of a database in memory",
    "select setseed(0.5)": "of this connection",
    "select sleep_ms(10)": "it takes of its own time",
}
DEAF = "select levenshtein(repeat('a', 30000), repeat('b', 30000))"  # seconds within one call of a function
# Each must end by the limit that it runs into
EXHAUST = {
    "more memory": [
        "select * from range(1000000000000) order by hash(range)",
        "select range, count(*) from range(1000000000000) group by range",
        "select list(range) from range(1000000000000)",
        "select string_agg(range::varchar, '') from range(1000000000000)",
        "with recursive t(n, s) as (select 1, 'x' union all select n + 1, s || s from t) select max(length(s)) from t",
        "select count(distinct a.range * b.range) from range(1000000) as a, range(1000000) as b",
    ],
    "stopped after": [
        "select count(*) from range(1000000000000) as a where a.range % 7 = hash(a.range)",
        "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t",
        "select count(*) from range(1000000) as a, range(1000000) as b where (a.range * b.range) % 7 = 8",
        "select sleep_ms(60000)",
    ],
    "larger than": ["select * from range(1000000000000)", "select repeat('x', 2000) from range(1000000)"],
    "cannot be answered": [
        "select repeat('x', 1000000000000)",
        "select range(1000000000000)",
        "select " + "(" * 5000 + "1" + ")" * 5000,
    ],
}

secrets_of_python = SECRET  # Python variables that a replacement scan could find
frame_of_python = pa.table({"a": [SECRET]})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store, outside = FolderStore(tmp_path / "store"), FolderStore(tmp_path / "outside")
    plan = synthetic.fill(store)
    outside.put("part", "whole", store.get("part", "main-000"))
    (tmp_path / "outside" / "secret.txt").write_text(SECRET)
    assert len(plan.universes) == 12
    return store


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def spelled(sql: str, root: Path) -> str:
    return sql.format(store=root / "store", outside=root / "outside")


@pytest.fixture
def watched(store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Raises where a file was changed or made, or an answer is another than it was. `files` looks at files alone."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = contents(tmp_path)
    of = "select '{0}' as view, md5(string_agg(v::varchar, '' order by v::varchar)) as content from {0} as v"
    whole = " union all ".join(of.format(view) for view in VIEWS)
    with closing(open_views(store, memory="200MB")) as con:
        answers = ask(con, whole)
        assert answers.notna().all(axis=None) and len(answers) == len(VIEWS)

        def files() -> None:
            assert contents(tmp_path) == before

        def check() -> None:
            files()
            assert ask(con, whole).equals(answers)

        check.con, check.files = con, files  # type: ignore[attr-defined]
        yield check


def test_there_are_as_many_attacks_as_it_says() -> None:
    refused = [sql for group in (*ATTACKS.values(), *EXHAUST.values()) for sql in group]
    assert len(set(refused)) == len(refused) > 90


@pytest.mark.parametrize("group", ATTACKS)
def test_every_attack_is_refused_and_changes_nothing(watched: Any, tmp_path: Path, group: str) -> None:
    for sql in ATTACKS[group]:
        with pytest.raises(ResultError) as caught:
            shown = ask(watched.con, spelled(sql, tmp_path))
            pytest.fail(f"{sql} was answered: {shown}")
        assert SECRET not in str(caught.value), sql
        watched.files()
    watched()


@pytest.mark.parametrize("sql", ANSWERED)
def test_what_is_answered_does_no_harm(watched: Any, tmp_path: Path, sql: str) -> None:
    shown = ask(watched.con, spelled(sql, tmp_path)).to_string()
    assert SECRET not in shown and "root:" not in shown
    watched()


@pytest.mark.parametrize("limit", EXHAUST)
def test_what_would_exhaust_the_machine_is_stopped(watched: Any, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiverse.store.sql.ANSWER", 10_000_000)
    for sql in EXHAUST[limit]:
        with pytest.raises(ResultError, match=limit):
            ask(watched.con, sql, seconds=0.3 if limit == "stopped after" else 60)
    watched()


def test_a_limit_says_what_to_do(store: FolderStore) -> None:
    with pytest.raises(
        ResultError, match=r"stopped after 0\.2 seconds(.|\n)*`seconds=2`, on the command line --seconds 2"
    ):
        query(store, "select sleep_ms(60000)", seconds=0.2)


def test_an_answer_that_is_left_does_not_stand_in_the_way(watched: Any) -> None:
    with answered(watched.con, "from range(100_000_000)", TimeLimit(watched.con, 60)) as answer:
        assert next(answer.batches).num_rows > 0
    watched()


def test_only_duckdb_s_own_time_counts(watched: Any) -> None:
    limit = TimeLimit(watched.con, 1.0)
    with answered(watched.con, "from range(25_000)", limit) as answer:
        seen = []
        for batch in answer.batches:
            time.sleep(0.6)
            seen.append(batch.num_rows)
    assert sum(seen) == 25_000 and len(seen) > 2 and not limit.over


def test_a_function_that_hears_nothing_is_told(watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiverse.store.limits.GRACE", 0.1)
    told: list[float] = []
    began = time.monotonic()
    limit = TimeLimit(watched.con, 0.2, lambda: told.append(time.monotonic() - began))
    with (
        pytest.raises(ResultError, match="stopped after"),
        answered(watched.con, DEAF, limit) as answer,
    ):
        list(answer.batches)
    assert told and told[0] > 0.3


def test_ctrl_c_stops_a_question_and_not_the_next(watched: Any) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored, as in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.3, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
            ask(watched.con, EXHAUST["stopped after"][2])
    finally:
        signal.signal(signal.SIGINT, before)
    watched()


def test_a_link_that_leads_out_of_the_store_is_refused(store: FolderStore, tmp_path: Path) -> None:
    link, target = store.file("part", "link"), tmp_path / "outside" / "parts" / "part-whole.parquet"
    with closing(open_views(store)) as con:
        answers = ask(con, "from universes")
        link.symlink_to(target)  # a store with this link does not open; it appears once the views are there
        for sql in ("from read_parquet('store://parts/link')", f"from read_blob('{link}')"):
            with pytest.raises(ResultError):
                ask(con, sql)
    with pytest.raises(StoreError, match="not in this store"):
        query(store, "from universes")
    link.unlink()
    assert query(store, "from universes").equals(answers)


def test_what_our_own_door_says_is_told_without_a_traceback(store: FolderStore) -> None:
    with closing(open_views(store)) as con:
        store.file("part", "main-004").unlink()
        with pytest.raises(ResultError, match="has no part named 'main-004'") as caught:
            ask(con, "from draws")
    assert "Traceback" not in str(caught.value)


def test_only_the_door_is_open(store: FolderStore) -> None:
    allowed = query(store, "select current_setting('allowed_directories') as a").a[0]
    assert list(allowed) == ["store://"]
    assert query(store, "select current_setting('enable_external_access') as a").a[0] == False  # noqa: E712
    assert len(query(store, f"select * from read_parquet('{part_address('main-000')}')")) == 4


@pytest.mark.parametrize("mode", ["wb", "ab", "r+b", "xb", "w"])
def test_the_door_opens_for_reading_only(store: FolderStore, mode: str) -> None:
    door = ReadOnlyParts(store)
    with pytest.raises(PermissionError):
        door.open(part_address("main-000"), mode)
    for change in (lambda: door.mv("store://parts/a", "store://parts/b"), lambda: door.rm("parts/main-000")):
        with pytest.raises((PermissionError, NotImplementedError, FileNotFoundError)):
            change()


@pytest.mark.parametrize(
    "path", ["store://parts/a/b", "store://plans/x", "/etc/passwd", "store://parts/", "store:///etc/passwd", "parts/é"]
)
def test_the_door_knows_no_paths(store: FolderStore, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        ReadOnlyParts(store).open(path)
    assert ReadOnlyParts(store).glob(path) == []

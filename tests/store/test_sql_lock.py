"""Hostile SQL reaches no file but the parts, and changes nothing: neither on the disk nor in the next answer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from multiverse.errors import ResultError, StoreError
from multiverse.store import synthetic
from multiverse.store.folder import FolderStore
from multiverse.store.read_only import ReadOnlyParts, part_address
from multiverse.store.sql import ask, query
from multiverse.store.views import open_views

SECRET = "not for SQL"

# {store}: the store's folder; {outside}: a folder beside it with a file `secret.txt` and a whole Parquet file
REFUSED = [
    "copy (select 1) to '{store}/parts/part-evil.parquet'",
    "copy (select 1) to 'store://parts/evil'",
    "copy (select 1) to '{outside}/evil.csv'",
    "with x as (copy (select 1) to '{store}/parts/part-evil.parquet') select * from x",
    "with x as (copy (select 1) to 'store://parts/evil') select * from x",
    "with x as (delete from universes returning key) select * from x",
    "attach '{outside}/evil.duckdb' as evil",
    "attach ':memory:' as evil",
    "export database '{outside}/evil'",
    "create table evil as select 1",
    "create or replace view draws as select 1",
    "drop table universes",
    "delete from universes",
    "insert into manifest values ('a', 'b', 'c', 'd')",
    "update universes set ok = true",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "set memory_limit = '1KB'",
    "reset lock_configuration",
    "pragma database_list",
    "call pragma_version()",
    "checkpoint",
    "begin transaction",
    "prepare p as select 1",
    "explain analyze copy (select 1) to '{outside}/evil.csv'",
    "select 1; drop table universes",
    "select * from query('drop table universes')",
    "select * from query('copy (select 1) to ''{outside}/evil.csv''')",
    "select * from read_text('/etc/passwd')",
    "select * from read_text('{outside}/secret.txt')",
    "select * from read_blob('{store}/parts/link')",
    "select * from read_csv('{outside}/secret.txt')",
    "select * from read_parquet('{outside}/parts/part-whole.parquet')",
    "select * from '{outside}/parts/part-whole.parquet'",
    "select * from read_parquet('store://parts/../../outside/parts/part-whole')",
    "select * from read_parquet('store://../outside/parts/part-whole.parquet')",
    "select * from read_parquet('store://parts/link')",
    "select * from read_parquet('store://parts/*')",
    "select * from read_parquet('file://{outside}/parts/part-whole.parquet')",
    "select * from read_csv('https://example.org/a.csv')",
    "select * from sniff_csv('{outside}/secret.txt')",
    "select * from glob('{outside}/*')",
    "select * from secrets_of_python",
]
# What DuckDB lets through, and which shows or writes nothing for all that: escapes that the facts of DuckDB 2.0 list
LET_THROUGH = [
    "select * from json_execute_serialized_sql(json_serialize_sql("
    "'with x as (copy (select 1) to ''{store}/parts/part-evil.parquet'') select * from x'))",
    "select * from json_execute_serialized_sql(json_serialize_sql("
    "'with x as (copy (select 1) to ''store://parts/evil'') select * from x'))",
    "select * from Json_Execute_Serialized_SQL(json_serialize_sql("
    "'with x as (delete from universes returning key) select * from x'))",
    "select * from query('select * from json_execute_serialized_sql(json_serialize_sql("
    "''with x as (copy (select 1) to ''''{outside}/evil.csv'''') select * from x''))')",
    "select * from duckdb_settings()",
    "select * from read_text('store:///etc/passwd')",
    "select current_setting('allowed_directories')",
]

secrets_of_python = SECRET  # a Python variable that a replacement scan could find


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


def test_every_attack(store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    link, target = store.file("part", "link"), tmp_path / "outside" / "parts" / "part-whole.parquet"
    with closing(open_views(store)) as con:
        link.symlink_to(target)  # a store with this link does not open; it appears once the views are there
        before, answers = contents(tmp_path), ask(con, "from universes")
        for sql in REFUSED:
            with pytest.raises(ResultError):
                shown = ask(con, spelled(sql, tmp_path))
                pytest.fail(f"{sql} was answered: {shown}")
            assert contents(tmp_path) == before, sql
            assert ask(con, "from universes").equals(answers), sql
        for sql in LET_THROUGH:
            try:
                shown = ask(con, spelled(sql, tmp_path)).to_string()
            except ResultError:
                shown = ""
            assert SECRET not in shown and "root:" not in shown, sql
            assert contents(tmp_path) == before, sql
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

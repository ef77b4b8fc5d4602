"""The doctor finds each kind of damage, says what it means, and mends what can be mended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multiverse.errors import StoreError
from multiverse.store import synthetic
from multiverse.store.compact import compact, publish
from multiverse.store.contract import FOLDERS, Store
from multiverse.store.end_state import end_state
from multiverse.store.examine import examine, table_count
from multiverse.store.finding import DropPack, Finding, RemoveFile, Rename, SetAside
from multiverse.store.folder import FolderStore
from multiverse.store.lazy_draws import universe_data
from multiverse.store.manifest import read_manifest
from multiverse.store.memory import MemoryStore
from multiverse.store.mend import mend
from multiverse.store.records import read_runs
from multiverse.store.row_scan import scan_rows
from multiverse.store.sql import query
from multiverse.store.stray_files import STALE

PART = "main-004"
KEY = f"{4:032x}"  # of a universe in that part


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    filled = FolderStore(tmp_path / "store")
    synthetic.fill(filled)
    compact(filled)
    return filled


def one(store: Store) -> Finding:
    (found,) = examine(store)
    return found


def only_name(store: Store, kind: str) -> str:
    (name,) = store.names(kind)
    return name


def count(store: Store) -> int:
    return int(query(store, "select count(*) as n from universes")["n"].iloc[0])


def flip(file: Path, column: str = "key") -> None:
    """Change one bit among the values of the first column whose name begins so."""
    group = pq.ParquetFile(file).metadata.row_group(0)
    chunks = (group.column(i) for i in range(group.num_columns))
    chunk = next(chunk for chunk in chunks if chunk.path_in_schema.startswith(column))
    whole = bytearray(file.read_bytes())
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    whole[start + chunk.total_compressed_size - 3] ^= 4
    file.write_bytes(whole)


def test_a_healthy_store_has_no_findings(store: FolderStore) -> None:
    assert examine(store) == []
    assert mend(store, []) == []
    assert examine(MemoryStore()) == []
    memory = MemoryStore()
    synthetic.fill(memory)
    assert examine(memory) == []


def test_at_any_place(any_store: Store) -> None:
    synthetic.fill(any_store)
    compact(any_store)
    assert examine(any_store) == []
    any_store.put("part", "x", pa.table({"a": [1]}))
    any_store.remove("pack", only_name(any_store, "pack"))
    assert len(mend(any_store, examine(any_store))) == 2
    assert not [found for found in examine(any_store) if found.damage] and count(any_store) == 12


def test_it_tells_how_far_it_is(store: FolderStore) -> None:
    told: list[int] = []
    examine(store, told.append)
    assert sum(told) == table_count(store) == 4 + 4  # parts; manifest, plan, run, study


BREAK: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-100]),
    "changed": flip,
    "another": lambda file: file.write_text("notes"),
}


@pytest.mark.parametrize("how", BREAK)
def test_a_damaged_part_is_set_aside_and_its_universes_answered_again(store: FolderStore, how: str) -> None:
    ended, before = end_state(store), count(store)
    file = store.file("part", PART)
    BREAK[how](file)
    damaged = file.read_bytes()
    found = one(store)
    assert found.damage and found.cure == SetAside("part", PART)
    assert f"The part '{PART}' cannot be read" in found.what and "lost" in found.means and "--mend" in found.mend
    (said, packs) = mend(store, [found])
    assert "damaged" in said and "out of use" in packs
    (aside,) = (store.path / "damaged").iterdir()
    assert aside.read_bytes() == damaged
    assert [f.damage for f in examine(store)] == [False]  # it says that a table was set aside
    assert count(store) == before - 3  # and an attempt at one that has another
    synthetic.fill(store)  # the same run again
    assert end_state(store).equals(ended) and count(store) == before


@pytest.mark.parametrize("ask", [count, lambda store: scan_rows(store, ["key"])])
def test_a_damaged_part_is_an_error_that_names_the_doctor(store: FolderStore, ask: Callable[[Store], object]) -> None:
    store.remove("pack", only_name(store, "pack"))
    BREAK["truncated"](store.file("part", PART))
    with pytest.raises(StoreError, match="multiverse doctor") as caught:
        ask(store)
    assert PART in str(caught.value)


def test_damage_among_draws_is_found_though_rows_can_be_read(store: FolderStore) -> None:
    flip(store.file("part", PART), "draws:")
    assert count(store) == 12
    assert one(store).cure == SetAside("part", PART)


@pytest.mark.parametrize("how", BREAK)
def test_a_damaged_pack_is_dropped(store: FolderStore, how: str) -> None:
    pack, ended = only_name(store, "pack"), end_state(store)
    BREAK[how](store.file("pack", pack))
    found = one(store)
    assert found.damage and found.cure == DropPack(pack) and "Nothing is lost" in found.means
    assert count(store) == 12  # rows come from the parts
    assert len(mend(store, [found])) == 1
    assert examine(store) == [] and count(store) == 12
    assert compact(store) is not None
    assert examine(store) == [] and end_state(store).equals(ended)


def test_a_manifest_that_names_a_missing_pack(store: FolderStore) -> None:
    pack = only_name(store, "pack")
    store.remove("pack", pack)
    found = one(store)
    assert found.cure == DropPack(pack) and "is not there" in found.what
    mend(store, [found])
    assert read_manifest(store).packs == {}  # type: ignore[union-attr]
    assert examine(store) == []


def test_a_pack_without_the_rows_it_should_have(store: FolderStore) -> None:
    rows = scan_rows(store)
    store.put("pack", "short", rows.slice(1))
    publish(store, {"short": store.names("part")})
    found = one(store)
    assert found.cure == DropPack("short") and "holds 12 rows" in found.what
    mend(store, [found])
    assert examine(store) == [] and count(store) == 12


def test_a_pack_whose_part_is_gone(store: FolderStore) -> None:
    store.file("part", PART).unlink()
    found = one(store)
    assert isinstance(found.cure, DropPack) and f"parts that are not there: '{PART}'" in found.what
    mend(store, [found])
    assert examine(store) == []


def test_a_damaged_manifest(store: FolderStore) -> None:
    name = only_name(store, "manifest")
    store.file("manifest", name).write_bytes(b"PAR1PAR1")
    found = one(store)
    assert found.cure == SetAside("manifest", name) and "Nothing is lost" in found.means
    mend(store, [found])
    assert not [f for f in examine(store) if f.damage] and count(store) == 12


@pytest.mark.parametrize("kind", ["plan", "run", "study"])
def test_a_damaged_record_is_written_again_by_the_same_run(store: FolderStore, kind: str) -> None:
    name = only_name(store, kind)
    store.file(kind, name).write_bytes(b"")
    damage = [found for found in examine(store) if found.damage]
    assert damage[0].cure == SetAside(kind, name) and "kept" in damage[0].means + damage[-1].means
    mend(store, damage)
    synthetic.fill(store)
    assert not [found for found in examine(store) if found.damage] and count(store) == 12


def test_rows_of_a_run_without_a_record(store: FolderStore) -> None:
    for name in store.names("run"):
        store.remove("run", name)
    found = one(store)
    assert found.damage and found.cure is None and "13 rows are of a run 'main'" in found.what
    assert "--run 'main'" in found.mend


def test_a_run_without_its_plan(store: FolderStore) -> None:
    store.remove("plan", only_name(store, "plan"))
    found = one(store)
    assert found.damage and found.cure is None
    assert read_runs(store)[0].plan in found.what and "same `multiverse run` again" in found.mend
    with pytest.raises(StoreError, match="same `multiverse run` again"):
        count(store)


def test_a_renamed_part_gets_its_name_back(store: FolderStore) -> None:
    ended = end_state(store)
    store.file("part", PART).rename(store.file("part", "backup"))
    found = next(f for f in examine(store) if isinstance(f.cure, Rename))
    assert found.cure == Rename("backup", PART) and "renamed" in found.means
    mend(store, examine(store))
    assert not [f for f in examine(store) if f.damage]
    assert end_state(store).equals(ended)
    assert universe_data(store, "main", KEY)


def test_a_copy_of_a_part_is_set_aside(store: FolderStore) -> None:
    ended = end_state(store)
    store.file("part", "backup").write_bytes(store.file("part", PART).read_bytes())
    found = one(store)
    assert found.cure == SetAside("part", "backup") and f"of the batch '{PART}'" in found.what
    assert count(store) == 12
    mend(store, [found])
    assert end_state(store).equals(ended)


ROW = {"key": ["k"], "run": ["main"], "batch": ["x"], "attempt": [1], "final": [True]}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"a": [1]}, "it has no column key, run, batch, attempt, final"),
        (ROW | {"key": [1.5]}, "its column 'key' is double, not string"),
        (ROW | {"estimate:mean": [0.1]}, "'estimate:mean' is double, not list"),
        (ROW | {"diagnostic:new": ["high"]}, "'diagnostic:new' is string, not double"),
    ],
)
def test_a_table_that_is_no_part_is_set_aside(store: FolderStore, table: dict[str, list[object]], said: str) -> None:
    store.put("part", "x", pa.table(table))
    found = next(f for f in examine(store) if f.cure == SetAside("part", "x"))
    assert said in found.what
    mend(store, examine(store))
    assert not [f for f in examine(store) if f.damage] and count(store) == 12


def test_a_link_that_leaves_the_store_is_set_aside(store: FolderStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside.parquet"
    outside.write_bytes(store.file("part", PART).read_bytes())
    store.file("part", "link").symlink_to(outside)
    found = one(store)
    assert found.damage and found.cure == SetAside("part", "link") and str(outside) in found.what
    mend(store, [found])
    assert outside.exists() and not store.file("part", "link").is_symlink()
    assert not [f for f in examine(store) if f.damage]


def test_strange_files_are_told_and_left(store: FolderStore) -> None:
    names = ("part-a (copy).parquet", "notes.txt", "run-x.parquet", f"{PART}.parquet", "part-x.parquet.bak")
    for name in names:
        (store.path / "parts" / name).write_text("mine")
    found = examine(store)
    assert {Path(f.what.split(" is not called")[0]).name for f in found} == {*names}
    assert not any(f.damage or f.cure for f in found) and "Nobody reads it" in found[0].means
    mend(store, found)
    assert len(examine(store)) == len(names) and count(store) == 12


def test_leftovers_of_killed_writers_go_when_they_are_old(store: FolderStore) -> None:
    young, old = (store.path / "parts" / f"part-{name}.0f.parquet.tmp" for name in ("young", "old"))
    for file in (young, old):
        file.write_bytes(b"PAR1")
    long_ago = time.time() - STALE.total_seconds() - 60
    os.utime(old, (long_ago, long_ago))
    found = {f.what.split(" was ")[0]: f for f in examine(store)}
    assert found[str(old)].cure == RemoveFile(old) and found[str(young)].cure is None
    assert not any(f.damage for f in found.values())
    mend(store, found.values())
    assert young.exists() and not old.exists()


def test_several_damages_at_once(store: FolderStore) -> None:
    for name in ("main-000", PART):
        BREAK["empty"](store.file("part", name))
    BREAK["empty"](store.file("pack", only_name(store, "pack")))
    done = mend(store, examine(store))
    assert len(done) == 3
    assert not [f for f in examine(store) if f.damage]
    assert count(store) == 12 - 7  # a retried universe has two rows


def test_every_kind_of_table_is_examined(store: FolderStore) -> None:
    for kind in FOLDERS:
        for name in store.names(kind):
            store.file(kind, name).write_bytes(b"")
    cures = {f.cure for f in examine(store)}
    tables = {SetAside(kind, name) for kind in FOLDERS if kind != "pack" for name in store.names(kind)}
    assert tables <= cures

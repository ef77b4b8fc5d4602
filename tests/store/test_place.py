"""What a person writes as `store=`."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from multiverse.errors import StoreError
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.store.place import open_store
from multiverse.store.remote import RemoteStore


def filled(path: Path) -> Path:
    FolderStore(path).put("plan", "a", pa.table({"key": ["a"]}))
    return path


def test_a_store_is_passed_through() -> None:
    store = MemoryStore()
    assert open_store(store) is store


def test_new_empty_and_used_folders_open_for_writing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "killed early" / "parts").mkdir(parents=True)
    for name in ("new/deep", "empty", "killed early"):
        assert open_store(tmp_path / name) == FolderStore(tmp_path / name)
        assert (tmp_path / name).is_dir()
    assert open_store(str(filled(tmp_path / "used"))).names("plan") == {"a"}
    assert open_store(tmp_path / "used", must_exist=True).names("plan") == {"a"}


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    for must_exist in (False, True):
        with pytest.raises(StoreError, match="not a store"):
            open_store(tmp_path, must_exist=must_exist)


def test_the_folder_around_a_store_says_where_it_is(tmp_path: Path) -> None:
    filled(tmp_path / "radon")
    with pytest.raises(StoreError, match=r"Did you mean '.*radon'"):
        open_store(tmp_path, must_exist=True)


def test_a_missing_store_names_the_near_miss(tmp_path: Path) -> None:
    filled(tmp_path / "radon")
    with pytest.raises(StoreError, match=r"no store at .*radom[\s\S]*Did you mean 'radon'"):
        open_store(tmp_path / "radom", must_exist=True)
    with pytest.raises(StoreError, match="no store at"):
        open_store(tmp_path / "a" / "b", must_exist=True)
    assert not (tmp_path / "radom").exists()


def test_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        open_store(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(tmp_path / "file" / "below")


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "radon")
    # the tests may run as root, whom no permission stops
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="chmod"):
        open_store(tmp_path / "radon")
    assert open_store(tmp_path / "radon", must_exist=True).names("plan") == {"a"}


def test_an_address_of_this_machine_is_a_folder(tmp_path: Path) -> None:
    for protocol in ("file", "local"):
        assert open_store(f"{protocol}://{tmp_path}/radon") == FolderStore(tmp_path / "radon")
    with pytest.raises(StoreError, match="no store at"):
        open_store(f"file://{tmp_path}/radom", must_exist=True)


def test_what_path_makes_of_an_address_is_not_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="Write 's3://bucket/radon'"):
        open_store(Path("s3://bucket/radon"))
    assert not list(tmp_path.iterdir())


class TestAddresses:
    @pytest.fixture(params=["s3", "in_memory"])
    def address(self, request: pytest.FixtureRequest) -> str:
        return str(request.getfixturevalue(request.param))

    def test_new_and_used_ones_open_for_writing(self, address: str) -> None:
        store = open_store(f"{address}/radon/")
        assert store == RemoteStore(f"{address}/radon")
        store.put("plan", "a", pa.table({"key": ["a"]}))
        assert open_store(f"{address}/radon").names("plan") == {"a"}
        assert open_store(f"{address}/radon", must_exist=True).names("plan") == {"a"}

    def test_a_missing_store_names_the_near_miss(self, address: str) -> None:
        RemoteStore(f"{address}/radon").put("plan", "a", pa.table({"key": ["a"]}))
        with pytest.raises(StoreError, match=r"no store at .*radom[\s\S]*Did you mean 'radon'"):
            open_store(f"{address}/radom", must_exist=True)

    def test_an_address_of_other_things_is_refused(self, address: str) -> None:
        RemoteStore(f"{address}/radon").put("plan", "a", pa.table({"key": ["a"]}))
        for must_exist in (False, True):
            with pytest.raises(StoreError, match=rf"not a store[\s\S]*Did you mean '{address}/radon'"):
                open_store(address, must_exist=must_exist)
        with pytest.raises(StoreError, match=rf"Name a new address, such as '{address}/radon/plans/store'"):
            open_store(f"{address}/radon/plans")

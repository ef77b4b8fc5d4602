"""Stores at addresses keep what every store promises, and what an address alone can break."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from multiverse.errors import StoreError
from multiverse.store.contract import Store
from multiverse.store.part import is_row_column
from multiverse.store.place import open_store
from multiverse.store.remote import BLOCK, RemoteStore
from multiverse.testing import StoreSuite

TABLE = pa.table({"key": ["a", "b"], "number": [1, 2]})
OTHER = pa.table({"key": ["c"], "number": [3]})

IN_ANOTHER_PROCESS = """
import os, pickle, sys
import pyarrow as pa

store = pickle.loads(sys.stdin.buffer.read())
store.names("part")  # connected
if (child := os.fork()) == 0:
    store.put("part", "of-the-child", pa.table({"key": ["child"]}))
    os._exit(0)
os.waitpid(child, 0)
store.put("part", "of-the-parent", pa.table({"key": ["parent"]}))
print(sorted(store.scan("part", ["key"])["key"].to_pylist()))
"""

ONE_OF_SEVERAL = """
import sys
import pyarrow as pa
from multiverse.store.remote import RemoteStore

store, me = RemoteStore(sys.argv[1]), sys.argv[2]
for i in range(8):
    store.put("part", f"{me}-{i}", pa.table({"key": [me] * 5}))
    store.put("part", f"same-{i}", pa.table({"key": ["same"] * 5, "by": [me] * 5}))
assert store.scan("part", ["key"]).num_rows % 5 == 0
"""


class TestS3(StoreSuite):
    @pytest.fixture
    def store(self, s3: str) -> Store:
        return RemoteStore(s3)


class TestMemoryAddress(StoreSuite):
    @pytest.fixture
    def store(self, in_memory: str) -> Store:
        return RemoteStore(in_memory)


class TestPlaceWithoutOnePut(StoreSuite):
    """Where an upload is seen while it lasts, as over sftp: this machine's files, through fsspec."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return RemoteStore(f"file://{tmp_path}/new/store")

    def test_what_was_not_renamed_yet_is_not_seen(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        from fsspec.implementations.local import LocalFileSystem

        def cut(*_: Any, **__: Any) -> None:
            raise ConnectionError("the line was cut")

        with monkeypatch.context() as patch:
            patch.setattr(LocalFileSystem, "mv", cut)
            with pytest.raises(StoreError, match="could not be written"):
                store.put("part", "a", TABLE)
        assert store.names("part") == frozenset()


@pytest.fixture(params=["s3", "in_memory"])
def remote(request: pytest.FixtureRequest) -> RemoteStore:
    """A new, empty store at an address."""
    return RemoteStore(request.getfixturevalue(request.param))


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How many requests of each kind are sent to S3 from now on, and the bytes that come back."""
    import s3fs

    sent: Counter[str] = Counter()
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *settings: Any, **arguments: Any) -> Any:
        answer = await call(self, method, *settings, **arguments)
        sent[method] += 1
        if method == "get_object":
            sent["bytes"] += answer["ContentLength"]
        return answer

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    yield sent


def drawn(universes: int) -> pa.Table:
    """A part with three row columns and two of draws."""
    draws = np.random.default_rng(0).normal(size=(universes, 1000)).astype(np.float32)
    lists = pa.array(list(draws), pa.list_(pa.float32()))
    rows = {"key": [f"{i:032x}" for i in range(universes)], "run": ["main"] * universes, "final": [True] * universes}
    return pa.table({**rows, "draws:site/a": lists, "draws:site/b": lists})


def test_where_objects_are(s3: str) -> None:
    import boto3

    store = RemoteStore(s3)
    store.put("part", "abc", TABLE)
    store.put("study", "abc", TABLE)
    bucket, _, prefix = s3.removeprefix("s3://").partition("/")
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    assert [each["Key"] for each in listed] == [
        f"{prefix}/parts/part-abc.parquet",
        f"{prefix}/studies/study-abc.parquet",
    ]
    assert store.describe() == s3
    assert store.set_aside("part", "abc").startswith(f"{s3}/damaged/part-abc.")


def test_foreign_objects_are_nobodys_business(remote: RemoteStore) -> None:
    import fsspec

    remote.put("part", "abc", TABLE)
    for name in ("part-def.parquet.tmp", ".part-x.parquet", "notes.txt", "run-x.parquet"):
        files, path = fsspec.url_to_fs(f"{remote.url}/parts")
        files.pipe_file(f"{path}/{name}", b"PAR1 and then nothing")
    assert remote.names("part") == {"abc"}
    assert remote.scan("part").equals(TABLE)


def test_the_empty_object_that_stands_for_a_folder_is_nothing(s3: str) -> None:
    import boto3

    bucket, _, prefix = s3.removeprefix("s3://").partition("/")
    for folder in ("", "parts/"):  # as S3's console makes them
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/{folder}", Body=b"")
        store = open_store(s3)
        assert store.names("part") == frozenset()


def test_what_is_published_is_never_overwritten(remote: RemoteStore) -> None:
    remote.put("part", "a", TABLE)
    remote.put("part", "a", OTHER)
    assert remote.get("part", "a").equals(TABLE)
    remote.set_aside("part", "a")
    remote.put("part", "a", OTHER)
    assert remote.get("part", "a").equals(OTHER)


def test_a_server_without_conditional_writes(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    put = s3fs.S3FileSystem.pipe_file

    def refuses(self: Any, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> Any:
        if mode == "create":
            raise OSError(errno.ENOSYS, "A header you provided implies functionality that is not implemented")
        return put(self, path, value, mode=mode, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "pipe_file", refuses)
    RemoteStore(s3).put("part", "a", TABLE)
    assert RemoteStore(s3).get("part", "a").equals(TABLE)


def test_a_listing_that_fsspec_remembers_hides_nothing(s3: str) -> None:
    import fsspec

    files, path = fsspec.url_to_fs(s3)
    store = RemoteStore(s3)
    store.put("part", "a", TABLE)
    assert len(files.ls(f"{path}/parts")) == 1  # remembered, by the user's own file system
    assert store.names("part") == {"a"}
    subprocess_put(s3, "b")
    assert store.names("part") == {"a", "b"}
    assert store.get("part", "b").equals(TABLE)


def subprocess_put(address: str, name: str) -> None:
    """Publish a table as another process would: through a client of its own."""
    import boto3

    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    client, kept = boto3.client("s3"), f"{prefix}/parts/part-a.parquet"
    client.copy_object(Bucket=bucket, CopySource=f"{bucket}/{kept}", Key=f"{prefix}/parts/part-{name}.parquet")


def test_a_kind_is_listed_by_one_request(s3: str, requests: Counter[str]) -> None:
    store = RemoteStore(s3)
    for name in "abc":
        store.put("part", name, TABLE)
    assert requests == {"put_object": 3}
    requests.clear()
    assert store.names("part") == {"a", "b", "c"}
    assert requests == {"list_objects_v2": 1}


def test_only_what_is_read_is_fetched(s3: str, requests: Counter[str]) -> None:
    store, part = RemoteStore(s3), drawn(500)
    store.put("part", "a", part)
    store.put("plan", "a", TABLE)
    requests.clear()
    store.get("part", "a")
    assert requests["bytes"] > 12 * BLOCK  # 4 MB
    for columns, gets, most in [
        (is_row_column, 2, 2 * BLOCK),  # the footer; the rows, and a block of the draws behind them
        (["key", "draws:site/b"], 3, requests["bytes"] // 2 + 3 * BLOCK),
    ]:
        requests.clear()
        assert store.get("part", "a", columns).num_rows == 500
        assert requests["head_object"] == 1
        assert requests["get_object"] == gets
        assert requests["bytes"] < most
    requests.clear()
    store.get("plan", "a")
    assert (requests["head_object"], requests["get_object"]) == (1, 1)


def test_large_tables_are_read_back_whole(remote: RemoteStore) -> None:
    part = drawn(300)
    remote.put("part", "a", part)
    assert remote.get("part", "a").equals(part)
    assert remote.get("part", "a", ["draws:site/b"]).equals(part.select(["draws:site/b"]))


@pytest.mark.slow
def test_the_value_goes_to_other_processes_also_forked_ones(s3: str) -> None:
    store = RemoteStore(s3, {"use_ssl": False})
    store.put("part", "a", pa.table({"key": ["first"]}))
    again = pickle.loads(pickle.dumps(store))
    assert again == store and hash(again) == hash(store)
    assert again != RemoteStore(s3)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", IN_ANOTHER_PROCESS]
    said = subprocess.run(command, input=pickle.dumps(store), capture_output=True, env=dict(os.environ), check=True)
    assert said.stdout.decode().strip() == "['child', 'first', 'parent']"
    assert store.names("part") == {"a", "of-the-child", "of-the-parent"}


@pytest.mark.slow
def test_processes_that_publish_the_same_at_once_leave_one(s3: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", ONE_OF_SEVERAL, s3, me], env=dict(os.environ)) for me in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    store = RemoteStore(s3)
    assert len(store.names("part")) == 3 * 8
    assert store.scan("part").num_rows == 3 * 8 * 5


def test_options_are_not_shown() -> None:
    assert "hunter2" not in repr(RemoteStore("s3://bucket/radon", {"secret": "hunter2"}))


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_a_damaged_object_is_named_with_the_mend(remote: RemoteStore, size: int) -> None:
    import fsspec

    remote.put("part", "good", TABLE)
    remote.put("part", "torn", TABLE)
    files, path = fsspec.url_to_fs(f"{remote.url}/parts/part-torn.parquet")
    files.pipe_file(path, files.cat_file(path)[:size])
    for ask in (lambda: remote.get("part", "torn"), lambda: remote.scan("part", ["key"])):
        with pytest.raises(StoreError, match=f"the part 'torn' of {remote.url} is damaged") as caught:
            ask()
        assert f"multiverse doctor {remote.url}" in str(caught.value)
    assert remote.set_aside("part", "torn").startswith(f"{remote.url}/damaged/part-torn.")
    assert remote.scan("part").equals(TABLE)
    remote.put("part", "torn", TABLE)
    assert remote.scan("part").num_rows == 4


@pytest.mark.parametrize("universes", [2, 500])  # fetched at once, and piece by piece
def test_a_network_that_fails_damages_nothing(s3: str, universes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    store = RemoteStore(s3)
    store.put("part", "a", drawn(universes))

    def cut(*_: Any, **__: Any) -> bytes:
        raise ConnectionError("the line was cut")

    with monkeypatch.context() as patch:
        patch.setattr(s3fs.core.S3File, "_fetch_range", cut)
        with pytest.raises(StoreError, match="cannot be read .*the line was cut") as caught:
            store.get("part", "a")
    assert "damaged" not in str(caught.value)
    assert store.get("part", "a").num_rows == universes


class TestWhatAPersonIsTold:
    def test_the_package_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fsspec.registry import _registry

        monkeypatch.delitem(_registry, "s3", raising=False)
        monkeypatch.setitem(sys.modules, "s3fs", None)  # type: ignore[arg-type]
        with pytest.raises(StoreError) as caught:
            open_store("s3://bucket/radon")
        assert 'pip install "multiverse[s3]"' in str(caught.value)

    def test_another_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fsspec.registry import _registry

        monkeypatch.delitem(_registry, "gs", raising=False)
        monkeypatch.setitem(sys.modules, "gcsfs", None)  # type: ignore[arg-type]
        with pytest.raises(StoreError, match="pip install gcsfs"):
            open_store("gs://bucket/radon")

    def test_an_unknown_protocol_and_a_near_one(self) -> None:
        with pytest.raises(StoreError, match="nothing knows the protocol 'memry'[\\s\\S]*Did you mean 'memory'"):
            open_store("memry://radon")

    def test_no_credentials(self, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(StoreError, match="for want of credentials[\\s\\S]*aws configure[\\s\\S]*anon=True"):
            open_store(s3, client_kwargs={"region_name": "eu-west-1"})  # another client than the one logged in

    def test_no_bucket(self, s3: str) -> None:
        store = RemoteStore("s3://no-such-bucket/radon")
        asked = (
            lambda: open_store(store.url),
            lambda: store.names("part"),
            lambda: store.put("part", "a", TABLE),
            lambda: store.get("part", "a"),
        )
        for ask in asked:
            with pytest.raises(StoreError, match="no bucket 'no-such-bucket'[\\s\\S]*aws s3 mb s3://no-such-bucket"):
                ask()

    def test_no_permission(self, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
        import s3fs

        async def denied(*_: Any, **__: Any) -> None:
            raise PermissionError("Access Denied")

        monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", denied)
        store = RemoteStore(s3)
        for ask in (lambda: store.names("part"), lambda: store.put("part", "a", TABLE), lambda: store.get("part", "a")):
            with pytest.raises(StoreError, match="permission denied \\(Access Denied\\)"):
                ask()

    def test_an_option_that_is_misspelt(self, s3: str) -> None:
        with pytest.raises(StoreError, match="unexpected keyword argument 'kye'"):
            open_store(s3, kye="a")

"""A folder survives kills, full disks, damaged files and links that lead away."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from multiverse.errors import StoreError
from multiverse.store.folder import FolderStore
from multiverse.store.synthetic_load import Load

TABLE = pa.table({"key": ["a", "b"], "draws:site/b": pa.array([[1.0], [2.0]], pa.list_(pa.float32()))})

WRITER = """
import sys
from pathlib import Path
import numpy as np, pyarrow as pa
from multiverse.store.folder import FolderStore

store = FolderStore(Path(sys.argv[1]))
numbers = np.random.default_rng(0).normal(size=200_000)
for i in range(100_000):
    store.put("part", f"{i:06d}", pa.table({"key": [str(i)] * 200_000, "number": numbers}))
"""


def test_where_files_are(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("part", "abc", TABLE)
    store.put("study", "abc", TABLE)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert found == ["parts/part-abc.parquet", "studies/study-abc.parquet"]
    assert store.describe() == str(tmp_path)


def test_unfinished_and_foreign_files_are_nobodys_business(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("part", "abc", TABLE)
    for name in (
        "part-def.0123.parquet.tmp",
        ".part-x.parquet",
        "notes.txt",
        "run-x.parquet",
        "part-abc.parquet.damaged",
        "part-abc (copy).parquet",
    ):
        (tmp_path / "parts" / name).write_bytes(b"PAR1 and then nothing")
    assert store.names("part") == {"abc"}
    assert store.scan("part").equals(TABLE)


def test_draws_are_split_by_byte_and_texts_are_coded(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    FolderStore(tmp_path).put("part", "abc", TABLE)
    group = pq.ParquetFile(tmp_path / "parts" / "part-abc.parquet").metadata.row_group(0)
    key, draws = group.column(0), group.column(1)
    assert "RLE_DICTIONARY" in key.encodings and key.compression == "ZSTD"
    assert "BYTE_STREAM_SPLIT" in draws.encodings and not draws.has_dictionary_page


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.11])
def test_kill_while_writing_leaves_whole_tables(tmp_path: Path, after: float) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
    store = FolderStore(tmp_path)
    deadline = time.monotonic() + 30
    while not store.names("part") and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(after)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    names = store.names("part")
    assert names == {f"{i:06d}" for i in range(len(names))}
    assert store.scan("part", ["key"]).num_rows == len(names) * 200_000


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path)
    store.put("part", "abc", TABLE)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for name in ("abc", "def"):
            with pytest.raises(StoreError, match="No space left on device") as caught:
                store.put("part", name, TABLE.slice(1))
    assert "Make room" in str(caught.value)
    assert store.names("part") == {"abc"}
    assert store.get("part", "abc").equals(TABLE)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["part-abc.parquet"]


def test_a_place_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be written"):
        FolderStore(tmp_path / "file").put("part", "abc", TABLE)


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_a_damaged_file_is_named_with_the_mend(tmp_path: Path, size: int) -> None:
    store = FolderStore(tmp_path)
    store.put("part", "good", TABLE)
    store.put("part", "torn", TABLE)
    file = tmp_path / "parts" / "part-torn.parquet"
    file.write_bytes(file.read_bytes()[:size])
    for ask in (lambda: store.get("part", "torn"), lambda: store.scan("part", ["key"])):
        with pytest.raises(StoreError, match="the part 'torn' of .* is damaged") as caught:
            ask()
        assert f"multiverse doctor {tmp_path}" in str(caught.value)
    torn = file.read_bytes()
    assert Path(store.set_aside("part", "torn")).read_bytes() == torn
    assert store.scan("part").equals(TABLE)
    store.put("part", "torn", TABLE)
    assert store.scan("part").num_rows == 4


def test_a_link_that_leaves_the_store_is_refused(tmp_path: Path) -> None:
    inside, outside = FolderStore(tmp_path / "store"), FolderStore(tmp_path / "other")
    outside.put("part", "secret", TABLE)
    inside.put("part", "own", TABLE)
    inside.file("part", "link").symlink_to(outside.file("part", "secret"))
    inside.file("part", "alias").symlink_to(inside.file("part", "own"))
    with pytest.raises(StoreError, match="not in this store"):
        inside.get("part", "link")
    assert inside.get("part", "alias").equals(TABLE)


def test_a_changed_bit_among_the_values_is_never_read_as_another_value(tmp_path: Path) -> None:
    store, rng = FolderStore(tmp_path), np.random.default_rng(0)
    table = Load(16, 16, draws=50).table(0)
    store.put("part", "abc", table)
    whole, refused = store.file("part", "abc").read_bytes(), 0
    values = len(whole) - int.from_bytes(whole[-8:-4], "little") - 8  # behind them the footer, which has no checksum
    for _ in range(300):
        changed = bytearray(whole)
        changed[rng.integers(values)] ^= 1 << int(rng.integers(8))
        store.file("part", "abc").write_bytes(changed)
        try:
            assert store.get("part", "abc").equals(table)  # a byte that says nothing
        except StoreError:
            refused += 1
    assert refused > 250

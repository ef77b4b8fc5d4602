"""A store that is written, packed, read and killed, all at once and again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from multiverse.store.attempts import distinct
from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.store.row_scan import scan_rows
from multiverse.store.synthetic_load import Load

SCRIPT = Path(__file__).with_name("loaded.py")


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, SCRIPT, *map(str, words)], stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    return dict(json.loads(out))


@pytest.mark.parametrize("kills", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_kills_leave_the_same_end_state(tmp_path: Path, kills: int) -> None:
    told = said(start("killed", tmp_path, kills, 2026))
    print(told)
    assert told["wrong"] == []
    assert Counter(told["moments"]).total() == kills
    if kills == 100:
        assert told["moments"] == {"any": 50, "remove": 13, "pack": 13, "manifest": 12, "part": 12}


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.slow)])
def test_a_reader_a_writer_and_a_compactor_together(tmp_path: Path, seconds: int) -> None:
    load = Load(400 * seconds, 16, draws=5)
    load.begin(FolderStore(tmp_path))
    writer = start("write", tmp_path, load.universes, load.batch, seconds, 0.02, 10)
    packer = start("pack", tmp_path, 1.0, seconds)
    reader = start("read", tmp_path, load.batch, seconds)
    seen, wrote, packed = said(reader), said(writer), said(packer)
    print(seen, wrote, packed)
    assert seen["wrong"] == []
    assert seen["queries"] > 0 and packed["packs"] > 0
    if seconds == 60:
        assert packed["removed"] > 0
    rows = scan_rows(FolderStore(tmp_path))
    assert distinct(rows).num_rows == rows.num_rows == load.batch * len(FolderStore(tmp_path).names("part"))


def test_two_writers_of_the_same_run_leave_what_one_would(tmp_path: Path) -> None:
    load = Load(320, 16, draws=5)
    one, both = FolderStore(tmp_path / "one"), FolderStore(tmp_path / "both")
    for store in (one, both):
        load.begin(store)
    for part in range(load.parts):
        load.write(one, part)
    writers = [start("write", both.path, load.universes, load.batch, 0, 0, load.parts) for _ in range(2)]
    packer = start("pack", both.path, 0, 1)
    puts = sum(said(writer)["puts"] for writer in writers)
    assert said(packer)["packs"] > 0
    assert puts > load.parts  # so that some were put twice
    assert end_state(both).equals(end_state(one))
    assert sorted(scan_rows(both)["key"].to_pylist()) == sorted(load.keys)

"""A disk that is full, and a folder that may not be written: a clear error, nothing lost, and it goes on after mending.

Both are real: the disk is a file system of one megabyte where this process may mount one, and else a limit on the
size of files; the folder's mode binds root too, who is made to give up the right to disregard it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.store.row_scan import scan_rows
from multiverse.store.synthetic_load import Load

SIZE = 2**20  # bytes of the disk
LOAD = Load(640, 64, draws=200)  # some 200 KB a part: the disk is full after a few

WRITER = """
import sys
from pathlib import Path
from multiverse.errors import StoreError
from multiverse.store.compact import compact
from multiverse.store.folder import FolderStore
from multiverse.store.synthetic_load import Load

store, load = FolderStore(Path(sys.argv[1])), Load(640, 64, draws=200)
try:
    if sys.argv[2] == "compact":
        compact(store)
    for part in range(load.parts):
        if load.name(part) not in store.names("part"):
            load.write(store, part)
except StoreError as error:
    sys.exit(str(error))
"""


HOLD = """
import ctypes, os, resource, signal, sys

limit, *command = sys.argv[1:]
if limit == "read-only" and os.geteuid() == 0:  # root may write whatever a folder's mode says; after this, not
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: linux/prctl.h, linux/capability.h
elif limit.isdigit():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
os.execv(command[0], command)
"""


def held(limit: str, *command: object) -> subprocess.CompletedProcess[str]:
    """Run a command that may write no file, or none beyond so many bytes. (A `preexec_fn` would fork beside JAX.)"""
    words = [sys.executable, "-c", HOLD, limit, sys.executable, *map(str, command)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def write(store: Path, task: str = "write", limit: str = "") -> subprocess.CompletedProcess[str]:
    return held(limit, "-c", WRITER, store, task)


class Disk:
    """A disk of `SIZE` bytes, or where none may be mounted a limit on the size of files."""

    def __init__(self, path: Path):
        self.path, self.limit = path, 100_000
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", path]
        self.mounted = not subprocess.run(mount, capture_output=True, check=False).returncode

    def write(self, task: str = "write") -> subprocess.CompletedProcess[str]:
        return write(self.path / "store", task, "" if self.mounted else str(self.limit))

    def fill(self) -> None:
        self.limit = 100
        if self.mounted:
            with suppress(OSError), (self.path / "filler").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))

    def grow(self) -> None:
        self.limit = 64 * SIZE
        if self.mounted:
            subprocess.run(["mount", "-o", f"remount,size={64 * SIZE}", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    found = Disk(place)
    yield found
    subprocess.run(["umount", place], capture_output=True, check=False)


@pytest.fixture
def straight(tmp_path: Path) -> FolderStore:
    """The same, written without a hitch."""
    store = FolderStore(tmp_path / "straight")
    for part in range(LOAD.parts):
        LOAD.write(store, part)
    return store


def test_a_full_disk(disk: Disk, straight: FolderStore) -> None:
    store = FolderStore(disk.path / "store")
    stopped = disk.write()
    assert stopped.returncode == 1
    assert "nothing that was in the store is lost" in stopped.stderr and "Make room" in stopped.stderr
    assert "No space left on device" in stopped.stderr or "File too large" in stopped.stderr
    there = store.names("part")
    assert len(there) < LOAD.parts
    assert scan_rows(store).num_rows == len(there) * LOAD.batch  # what is there is whole
    assert not list((store.path / "parts").glob("*.tmp"))
    disk.grow()
    assert disk.write().returncode == 0
    assert end_state(store).equals(end_state(straight))


@pytest.mark.slow
def test_a_disk_that_is_full_when_the_store_is_compacted(disk: Disk) -> None:
    store = FolderStore(disk.path / "store")
    LOAD.write(store, 0)
    before = scan_rows(store)
    disk.fill()
    stopped = disk.write("compact")
    assert stopped.returncode == 1 and "could not be written; nothing that was in the store is lost" in stopped.stderr
    assert scan_rows(store).equals(before) and not store.names("pack")
    disk.grow()
    assert disk.write("compact").returncode == 0
    assert len(store.names("pack")) == 1 and scan_rows(store).num_rows == LOAD.universes


@pytest.mark.parametrize("task", ["write", pytest.param("compact", marks=pytest.mark.slow)])
def test_a_folder_that_may_only_be_read(tmp_path: Path, straight: FolderStore, task: str) -> None:
    store = FolderStore(tmp_path / "store")
    LOAD.write(store, 0)
    before = end_state(store)
    for folder in (store.path, store.path / "parts"):
        folder.chmod(0o555)
    stopped = write(store.path, task, "read-only")
    assert stopped.returncode == 1
    assert "could not be written" in stopped.stderr and "Permission denied" in stopped.stderr
    assert "mend the permissions" in stopped.stderr
    assert end_state(store).equals(before)
    for folder in (store.path, store.path / "parts"):
        folder.chmod(0o755)
    assert write(store.path, task).returncode == 0
    assert end_state(store).equals(end_state(straight))


@pytest.mark.slow
def test_a_store_that_may_only_be_read_is_read(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    Load(64, 16).begin(store)
    Load(64, 16).write(store, 0)
    folders = [store.path, *(path for path in store.path.iterdir())]
    for folder in folders:
        folder.chmod(0o555)
    for command in (["status", store.path], ["sql", store.path, "from universes"], ["doctor", store.path]):
        told = held("read-only", "-m", "multiverse", *command)
        assert told.returncode == 0, told.stderr
    for folder in folders:
        folder.chmod(0o755)

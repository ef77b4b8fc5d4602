"""A store in a folder: one Parquet file a table, published by one rename."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa

from multiverse.errors import Problem, StoreError
from multiverse.store import parquet
from multiverse.store.contract import (
    DAMAGED,
    NAME,
    Columns,
    Table,
    check_name,
    check_removable,
    damaged_table,
    folder_of,
    missing_name,
)

SUFFIX: Final = ".parquet"
UNFINISHED: Final = ".parquet.tmp"  # not matched by any reader: DuckDB's glob does see names with a leading dot
_PERMISSIONS: Final = "Mend its permissions, or copy the store to a place where you may write."


@dataclass(frozen=True)
class FolderStore:
    """A store in a folder of a file system: `<path>/parts/part-<name>.parquet`, and so on for each kind.

    A table is written under a temporary name, flushed to the disk, renamed, and the folder flushed: a killed process
    leaves at most a `.parquet.tmp` file, which nobody reads and anybody may delete.
    """

    path: Path

    def __reduce__(self) -> tuple[type[FolderStore], tuple[Path]]:
        return type(self), (self.path.absolute(),)  # another process may be in another folder

    def describe(self) -> str:
        """The folder."""
        return str(self.path)

    def names(self, kind: str) -> frozenset[str]:
        """The names published under this kind."""
        start = f"{kind}-"
        folder = self.path / folder_of(kind)
        with _explained(f"the folder {folder} cannot be listed", "a readable folder", "Check its permissions."):
            try:
                found = os.listdir(folder)
            except FileNotFoundError:
                return frozenset()
        names = (f[len(start) : -len(SUFFIX)] for f in found if f.startswith(start) and f.endswith(SUFFIX))
        return frozenset(name for name in names if NAME.fullmatch(name))  # "part-a (copy).parquet" is nobody's business

    def put(self, kind: str, name: str, table: Table) -> None:
        """Publish a table, whole or not at all."""
        file = self.file(kind, name)
        unfinished = file.with_name(f"{kind}-{name}.{uuid.uuid4().hex}{UNFINISHED}")
        with _explained(
            f"{file} could not be written; nothing that was in the store is lost",
            "a folder that this process may write to, with room on its disk",
            "Make room or mend the permissions, then give the same command again: it goes on where it stopped.",
        ):
            _make_folder(file.parent)
            try:
                with open(unfinished, "xb") as sink:
                    parquet.write(table, sink)
                    sink.flush()
                    os.fsync(sink.fileno())
                os.replace(unfinished, file)
            except BaseException:
                with suppress(OSError):
                    unfinished.unlink()
                raise
            _flush_folder(file.parent)

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        """One table, or its wanted columns."""
        with self.open(kind, name) as source:
            try:
                return parquet.read(source, columns)
            except parquet.UNREADABLE as error:
                raise damaged_table(self, kind, name, error) from error

    def scan(self, kind: str, columns: Columns = None, names: Iterable[str] | None = None) -> Table:
        """All tables of a kind, or these of them, below each other, in order of their names."""
        with ThreadPoolExecutor(parquet.READERS) as pool:
            tables = list(
                pool.map(
                    lambda name: self.get(kind, name, columns), sorted(self.names(kind) if names is None else names)
                )
            )
        return parquet.union(tables, columns)

    def open(self, kind: str, name: str) -> BinaryIO:
        """The Parquet file, open for reading."""
        file = self.file(kind, name)
        if file.is_symlink() and not file.resolve().is_relative_to(self.path.resolve()):
            raise StoreError(
                Problem(
                    f"{file} is a link to {file.resolve()}, which is not in this store",
                    "a store that holds its own tables",
                    f"rm '{file}', and copy the file itself here if it is a table of this store.",
                )
            )
        with _explained(f"{file} cannot be opened", "a readable file", "Check its permissions."):
            try:
                return open(file, "rb")
            except FileNotFoundError:
                raise missing_name(self, kind, name) from None

    def remove(self, kind: str, name: str) -> None:
        """Take a published table away; harmless where there is none."""
        file = self.file(check_removable(kind), name)
        with _explained(f"{file} could not be removed", "a folder that this process may write to", _PERMISSIONS):
            file.unlink(missing_ok=True)

    def set_aside(self, kind: str, name: str) -> str:
        """Move the file to `damaged/`, under a name of its own there."""
        file = self.file(kind, name)
        aside = self.path / DAMAGED / f"{kind}-{name}.{uuid.uuid4().hex[:8]}{SUFFIX}"
        with _explained(f"{file} could not be set aside", "a folder that this process may write to", _PERMISSIONS):
            try:
                file.lstat()
                _make_folder(aside.parent)
                os.rename(file, aside)  # of a link, the link itself
            except FileNotFoundError:
                raise missing_name(self, kind, name) from None
            _flush_folder(aside.parent)
            _flush_folder(file.parent)
        return str(aside)

    def file(self, kind: str, name: str) -> Path:
        """Where this table is, or would be."""
        return self.path / folder_of(kind) / f"{kind}-{check_name(name)}{SUFFIX}"


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    """Make a rename or a new name in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(what: str, expected: str, mend: str) -> Iterator[None]:
    """Turn what the operating system or Arrow says into a StoreError that says what to do."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError(Problem(f"{what} ({error})", expected, mend)) from error

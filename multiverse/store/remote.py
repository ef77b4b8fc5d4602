"""A store at an address: S3, or any other place that fsspec knows."""

from __future__ import annotations

import errno
import io
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, cast

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
from multiverse.store.folder import SUFFIX, UNFINISHED
from multiverse.store.remote_errors import explained, protocol_of

READERS: Final = 16  # threads of `scan`: they wait for the network, not for a core
BLOCK: Final = 2**18  # bytes fetched at least: a part's row columns lie in one block, and most tables are smaller
# Here a file is visible whole when its upload ends, and not before; elsewhere it is uploaded and then renamed.
WHOLE: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci", "memory"})


@dataclass(frozen=True)
class RemoteStore:
    """A store at an address that fsspec knows: `<url>/parts/part-<name>.parquet`, and so on for each kind.

    A table is published by one PUT, which succeeds only if the name is free: what is there is never overwritten, so
    whoever reads a table piece by piece reads one table. Directory listings are not remembered, since others publish
    too. options: as fsspec's class for this protocol takes them; what is missing it looks for in its own places
    (environment, configuration files). The value holds no connection: processes and threads may share it.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)  # they may hold secrets

    def describe(self) -> str:
        """The address."""
        return self.url

    def names(self, kind: str) -> frozenset[str]:
        """The names published under this kind."""
        start = f"{kind}-"
        found = self._list(folder_of(kind))
        names = (f[len(start) : -len(SUFFIX)] for f in found if f.startswith(start) and f.endswith(SUFFIX))
        return frozenset(name for name in names if NAME.fullmatch(name))

    def entries(self) -> frozenset[str]:
        """What lies right below the address, folders and files. Raises StoreError where there is no such bucket."""
        return self._list("")

    def put(self, kind: str, name: str, table: Table) -> None:
        """Publish a table, whole or not at all; where the name is taken, what is there stays."""
        folder_of(kind)
        check_name(name)
        sink = io.BytesIO()
        try:
            parquet.write(table, sink)
        except pa.ArrowException as error:
            raise StoreError(
                Problem(f"{kind} {name!r} cannot be written ({error})", "a table that Parquet can hold", "Change it.")
            ) from error
        what = f"the {kind} {name!r} could not be written; nothing that was in the store is lost"
        with explained(self.url, what, "Give the same command again: it goes on where it stopped."):
            files, path = self._file(kind, name)
            if protocol_of(self.url) in WHOLE:
                _put_if_free(files, path, sink.getvalue())
            else:
                _put_and_rename(files, path, sink.getvalue())

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        """One table, or its wanted columns."""
        with self.open(kind, name) as source:
            try:
                return parquet.read(source, columns)
            except parquet.UNREADABLE as error:  # of the bytes: `_Fetched` explains what the network does
                raise damaged_table(self, kind, name, error) from error

    def scan(self, kind: str, columns: Columns = None, names: Iterable[str] | None = None) -> Table:
        """All tables of a kind, or these of them, below each other, in order of their names."""
        found = sorted(self.names(kind) if names is None else names)
        with ThreadPoolExecutor(READERS) as pool:
            tables = list(pool.map(lambda name: self.get(kind, name, columns), found))
        return parquet.union(tables, columns)

    def open(self, kind: str, name: str) -> BinaryIO:
        """The Parquet bytes; of a large table, fetched where they are read."""
        folder_of(kind)
        check_name(name)
        what = f"the {kind} {name!r} cannot be read"
        try:
            with explained(self.url, what, may_lack=True):
                files, path = self._file(kind, name)
                if protocol_of(self.url) == "memory":  # its `open` hands everybody the same file, at one position
                    return io.BytesIO(files.cat_file(path))
                file = files.open(path, "rb", block_size=BLOCK, cache_type="readahead")
                size = file.seek(0, io.SEEK_END)
                file.seek(0)
                if size <= BLOCK:
                    with file:
                        return io.BytesIO(file.read())
                return cast(BinaryIO, _Fetched(file, self.url, what))
        except FileNotFoundError:
            raise missing_name(self, kind, name) from None

    def remove(self, kind: str, name: str) -> None:
        """Take a published table away; harmless where there is none."""
        check_removable(kind)
        check_name(name)
        try:
            with explained(self.url, f"the {kind} {name!r} could not be removed", may_lack=True):
                files, path = self._file(kind, name)
                files.rm_file(path)
        except FileNotFoundError:
            pass

    def set_aside(self, kind: str, name: str) -> str:
        """Copy the table to `damaged/`, under a name of its own there, and delete it here."""
        folder_of(kind)
        check_name(name)
        aside = f"{DAMAGED}/{kind}-{name}.{uuid.uuid4().hex[:8]}{SUFFIX}"
        try:
            with explained(self.url, f"the {kind} {name!r} could not be set aside", may_lack=True):
                files, path = self._file(kind, name)
                _, to = self._path(aside)
                _make_folder(files, self.url, to)
                files.cp_file(path, to)
                files.rm_file(path)
        except FileNotFoundError:
            raise missing_name(self, kind, name) from None
        return f"{self.url}/{aside}"

    def _list(self, folder: str) -> frozenset[str]:
        """The last part of each path right below a folder of the store; empty where there is no folder."""
        try:
            with explained(self.url, "it cannot be listed", may_lack=True):
                files, path = self._path(folder)
                files.invalidate_cache(path)
                found = files.ls(path, detail=False)
        except FileNotFoundError:
            return frozenset()
        below = (str(each).rstrip("/") for each in found)
        return frozenset(each.rpartition("/")[2] for each in below if each != path.rstrip("/"))

    def _file(self, kind: str, name: str) -> tuple[Any, str]:
        return self._path(f"{folder_of(kind)}/{kind}-{name}{SUFFIX}")

    def _path(self, below: str) -> tuple[Any, str]:
        """The file system of this process (or of this thread, where it may not be shared), and a path in it.

        fsspec keeps one for each set of options, and makes new ones after a fork.
        """
        from fsspec.asyn import AsyncFileSystem
        from fsspec.core import url_to_fs
        from fsspec.registry import get_filesystem_class

        kind = get_filesystem_class(protocol_of(self.url))
        unlisted = {"use_listings_cache": False} if issubclass(kind, AsyncFileSystem) else {}
        files, root = url_to_fs(self.url, **{**self.options, **unlisted})
        return files, f"{root.rstrip('/')}/{below}".rstrip("/")


class _Fetched(io.RawIOBase):
    """A far file, fetched where it is read, and a block ahead."""

    def __init__(self, file: Any, url: str, what: str):
        self._file, self._url, self._what = file, url, what

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        with explained(self._url, self._what):
            return int(self._file.readinto(buffer))

    def close(self) -> None:
        self._file.close()
        super().close()


def _put_if_free(files: Any, path: str, value: bytes) -> None:
    try:
        files.pipe_file(path, value, mode="create")
    except FileExistsError:
        pass  # published before: by a batch that ran twice, or by this very PUT, whose answer was lost
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        files.pipe_file(path, value)


def _put_and_rename(files: Any, path: str, value: bytes) -> None:
    unfinished = f"{path.removesuffix(SUFFIX)}.{uuid.uuid4().hex}{UNFINISHED}"
    files.makedirs(files._parent(path), exist_ok=True)
    files.pipe_file(unfinished, value)
    files.mv(unfinished, path)


def _make_folder(files: Any, url: str, path: str) -> None:
    """Make the folder of a file, where there are folders."""
    if protocol_of(url) not in WHOLE:
        files.makedirs(files._parent(path), exist_ok=True)

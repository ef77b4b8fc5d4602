"""The only door through which DuckDB reaches a locked store: Parquet parts by name, for reading."""

from __future__ import annotations

import functools
import io
import re
import threading
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from fsspec import AbstractFileSystem

from multiverse.store.contract import FOLDERS, NAME, Store

PROTOCOL: Final = "store"
_PART: Final = re.compile(f"(?:{PROTOCOL}://)?{FOLDERS['part']}/({NAME.pattern})")
KEPT: Final = 64  # parts kept open for the next look at them; some 20 MB where they are far away
_ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)  # parts are immutable: a cache of one never goes stale


def part_address(name: str) -> str:
    """What to write in SQL for a part: `read_parquet('store://parts/<name>')`."""
    return f"{PROTOCOL}://{FOLDERS['part']}/{name}"


class _Part:
    """A part's bytes for all who read it: DuckDB opens a part many times a query, and far away each costs requests."""

    def __init__(self, file: BinaryIO):
        self._file, self._lock = file, threading.Lock()
        self.size = file.seek(0, io.SEEK_END)

    def read(self, start: int, size: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)

    def __del__(self) -> None:
        self._file.close()


class _Bytes:
    """What DuckDB asks of a file: a position in a part."""

    def __init__(self, part: _Part):
        self._part, self._at = part, 0

    def read(self, size: int = -1) -> bytes:
        found = self._part.read(self._at, size)
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._part.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """Nothing: DuckDB forgets to close some, so a part is closed when nobody has it any more."""


class ReadOnlyParts(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system that knows the published parts of one store, and nothing else.

    There are no paths in it: what does not spell a part's name is not found, and the store's own `open` decides what
    that name means. Whatever would write, remove or list is refused here, whatever DuckDB may think of it.
    """

    protocol = PROTOCOL
    cachable = False

    def __init__(self, store: Store):
        super().__init__()
        # of the store, not of self: a cycle would leave files open until Python looks for cycles
        self._part = functools.lru_cache(KEPT)(functools.partial(_opened, store))

    def open(self, path: str, mode: str = "rb", **_: Any) -> _Bytes:
        """The part's bytes. Raises PermissionError for any other mode, FileNotFoundError for any other path."""
        if mode != "rb":
            raise PermissionError(f"the store is read-only here: {path}")
        return _Bytes(self._part(self._name(path)))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size in bytes, and type."""
        return {"name": path, "size": self._part(self._name(path)).size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """A constant."""
        return _ALWAYS

    def glob(self, path: str, **_: Any) -> list[str]:
        """The path itself if it spells a part's name; no patterns."""
        return [path] if _PART.fullmatch(path) else []

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        """Refused."""
        raise PermissionError(f"the store is read-only here: {path1}")

    def _name(self, path: str) -> str:
        found = _PART.fullmatch(path)
        if not found:
            raise FileNotFoundError(path)
        return found[1]


def _opened(store: Store, name: str) -> _Part:
    return _Part(store.open("part", name))

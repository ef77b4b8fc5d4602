"""The only door through which DuckDB reaches a locked store: Parquet parts by name, for reading."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from fsspec import AbstractFileSystem

from multiverse.store.contract import FOLDERS, NAME, Store

PROTOCOL: Final = "store"
_PART: Final = re.compile(f"(?:{PROTOCOL}://)?{FOLDERS['part']}/({NAME.pattern})")
_ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)  # parts are immutable: a cache of one never goes stale


def part_address(name: str) -> str:
    """What to write in SQL for a part: `read_parquet('store://parts/<name>')`."""
    return f"{PROTOCOL}://{FOLDERS['part']}/{name}"


class _Bytes:
    """What DuckDB asks of a file. It forgets to close some, so that going away closes."""

    def __init__(self, file: BinaryIO):
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()

    def __del__(self) -> None:
        self._file.close()


class ReadOnlyParts(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system that knows the published parts of one store, and nothing else.

    There are no paths in it: what does not spell a part's name is not found, and the store's own `open` decides what
    that name means. Whatever would write, remove or list is refused here, whatever DuckDB may think of it.
    """

    protocol = PROTOCOL
    cachable = False

    def __init__(self, store: Store):
        super().__init__()
        self._store = store

    def open(self, path: str, mode: str = "rb", **_: Any) -> _Bytes:
        """The part's bytes. Raises PermissionError for any other mode, FileNotFoundError for any other path."""
        if mode != "rb":
            raise PermissionError(f"the store is read-only here: {path}")
        return _Bytes(self._store.open("part", self._name(path)))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size in bytes, and type."""
        with self._store.open("part", self._name(path)) as file:
            return {"name": path, "size": file.seek(0, 2), "type": "file"}

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

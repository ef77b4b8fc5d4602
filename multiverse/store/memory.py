"""A store in this process's memory: for tests and for looking around; it is gone with the process."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import BinaryIO

import pyarrow as pa

from multiverse.errors import Problem, StoreError
from multiverse.store import parquet
from multiverse.store.contract import Columns, Table, check_name, folder_of, missing_name


@dataclass(frozen=True, eq=False)
class MemoryStore:
    """A store that keeps the same Parquet bytes as a folder would, in a dictionary."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict, repr=False)

    def describe(self) -> str:
        """The word `memory`."""
        return "memory"

    def names(self, kind: str) -> frozenset[str]:
        """The names published under this kind."""
        folder_of(kind)
        return frozenset(name for found, name in tuple(self.files) if found == kind)

    def put(self, kind: str, name: str, table: Table) -> None:
        """Publish a table, whole or not at all."""
        folder_of(kind)
        check_name(name)
        sink = io.BytesIO()
        try:
            parquet.write(table, sink)
        except pa.ArrowException as error:
            raise StoreError(
                Problem(f"{kind} {name!r} cannot be written ({error})", "a table that Parquet can hold", "Change it.")
            ) from error
        self.files[kind, name] = sink.getvalue()

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        """One table, or its wanted columns."""
        with self.open(kind, name) as source:
            return parquet.read(source, columns)

    def scan(self, kind: str, columns: Columns = None) -> Table:
        """All tables of a kind below each other, in order of their names."""
        return parquet.union((self.get(kind, name, columns) for name in sorted(self.names(kind))), columns)

    def open(self, kind: str, name: str) -> BinaryIO:
        """The Parquet bytes."""
        folder_of(kind)
        check_name(name)
        if (kind, name) not in self.files:
            raise missing_name(self, kind, name)
        return io.BytesIO(self.files[kind, name])

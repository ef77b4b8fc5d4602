"""A store in this process's memory: for tests and for looking around; it is gone with the process."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

import pyarrow as pa

from multiverse.errors import Problem, StoreError
from multiverse.store import parquet
from multiverse.store.contract import (
    DAMAGED,
    Columns,
    Table,
    check_name,
    check_removable,
    damaged_table,
    folder_of,
    missing_name,
)


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
            try:
                return parquet.read(source, columns)
            except parquet.UNREADABLE as error:
                raise damaged_table(self, kind, name, error) from error

    def scan(self, kind: str, columns: Columns = None, names: Iterable[str] | None = None) -> Table:
        """All tables of a kind, or these of them, below each other, in order of their names."""
        found = sorted(self.names(kind) if names is None else names)
        return parquet.union((self.get(kind, name, columns) for name in found), columns)

    def open(self, kind: str, name: str) -> BinaryIO:
        """The Parquet bytes."""
        folder_of(kind)
        check_name(name)
        if (kind, name) not in self.files:
            raise missing_name(self, kind, name)
        return io.BytesIO(self.files[kind, name])

    def remove(self, kind: str, name: str) -> None:
        """Take a published table away; harmless where there is none."""
        self.files.pop((check_removable(kind), check_name(name)), None)

    def set_aside(self, kind: str, name: str) -> str:
        """Keep the bytes under another key, which no reader asks for."""
        folder_of(kind)
        if (kind, check_name(name)) not in self.files:
            raise missing_name(self, kind, name)
        aside = f"{kind}-{name}.{sum(folder == DAMAGED for folder, _ in tuple(self.files))}"
        self.files[DAMAGED, aside] = self.files.pop((kind, name))
        return f"{self.describe()}: files[{DAMAGED!r}, {aside!r}]"

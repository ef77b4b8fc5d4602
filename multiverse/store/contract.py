"""What a store is: immutable named tables, in a few verbs, plus the bytes of one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, BinaryIO, Final, Protocol, TypeAlias, runtime_checkable

from multiverse.errors import Problem, StoreError, near_miss

Table: TypeAlias = Any  # pyarrow.Table; pyarrow ships no types
Columns: TypeAlias = Sequence[str] | Callable[[str], bool] | None
"""Which columns to read: their names, a rule on names, or None for all."""

# Kind of table -> its folder. A new kind (packs of rows, artefacts of engines) is a line here.
FOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "part": "parts",  # the outcomes of one batch, rows and draws
        "artefact": "artefacts",  # what the outcomes of one batch hand on to other batches; bears the batch's name
        "pack": "packs",  # rows (no draws) of many parts, so that a query opens few files
        "manifest": "manifests",  # which packs stand for which parts; numbered, the highest counts
        "plan": "plans",  # one planned space, a row per universe
        "run": "runs",  # one call of `run`: settings, versions, and the plan it followed
        "study": "studies",  # which study the store belongs to
    }
)

DAMAGED: Final = "damaged"  # the folder of tables that were set aside; no reader looks there

NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
NAME_LENGTH: Final = 128  # file systems stop at 255 bytes, and the temporary name is longer


class DamagedTable(StoreError):
    """A published table whose bytes are not what was published."""


@runtime_checkable
class Store(Protocol):
    """Immutable named tables. `multiverse.testing.StoreSuite` says in tests what is said here in words.

    A name is published once. Putting it again, with the same table, is harmless: that is how a batch that ran twice
    leaves one part. Any number of processes may put and read at once, with no lock.
    Every method raises StoreError for an unknown kind, a name that is not `[A-Za-z0-9_.-]+`, and for a place that
    cannot be read or written.
    """

    def names(self, kind: str) -> frozenset[str]:
        """The names published under this kind; empty if there are none."""
        ...

    def put(self, kind: str, name: str, table: Table) -> None:
        """Publish a table: when this returns it is durable; if it raises, or the process dies, nothing is visible."""
        ...

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        """One table, or its wanted columns.

        Raises StoreError if the name was not published, DamagedTable if its bytes are not what was published.
        """
        ...

    def scan(self, kind: str, columns: Columns = None, names: Iterable[str] | None = None) -> Table:
        """All tables of a kind, or these of them, below each other, in order of their names.

        Columns are joined by name, and NULL where a table lacks them; numbers widen. A column asked for by name that
        no table has comes back with Arrow's null type. Only wanted columns are read. Nothing there: no rows.
        """
        ...

    def open(self, kind: str, name: str) -> BinaryIO:
        """The table as a Parquet file, open for reading at any position: how DuckDB reads draws."""
        ...

    def remove(self, kind: str, name: str) -> None:
        """Take a published table away; harmless where there is none.

        Only for what nothing needs any more, such as superseded packs and manifests. Raises StoreError for a part:
        it alone holds draws.
        """
        ...

    def set_aside(self, kind: str, name: str) -> str:
        """Take a table that cannot be read out of the way of readers, and say where its bytes are kept.

        What was set aside before under this name is kept too. Raises StoreError if the name was not published.
        """
        ...

    def describe(self) -> str:
        """Where this store is, for messages: `"runs/radon"`."""
        ...


def folder_of(kind: str) -> str:
    """The folder of a kind. Raises StoreError for an unknown kind."""
    if kind not in FOLDERS:
        raise StoreError(
            Problem(
                f"a store keeps no tables of kind {kind!r}",
                f"one of {', '.join(FOLDERS)}",
                f"{near_miss(kind, FOLDERS)}Pass one of these kinds.",
            )
        )
    return FOLDERS[kind]


def check_name(name: str) -> str:
    """The name itself. Raises StoreError if it could not be a file name everywhere, or could leave the store."""
    if not NAME.fullmatch(name) or len(name) > NAME_LENGTH:
        raise StoreError(
            Problem(
                f"{name!r} cannot name a table of a store",
                f"1 to {NAME_LENGTH} letters, digits, '_', '.' or '-'",
                "Use a hash, such as the batch id, as the name.",
            )
        )
    return name


def check_removable(kind: str) -> str:
    """The kind itself. Raises StoreError for an unknown kind, and for parts: nothing removes draws."""
    folder_of(kind)
    if kind == "part":
        raise StoreError(
            Problem(
                "a part of a store cannot be removed",
                "a table that can be made again: a pack or a manifest",
                "A part alone holds its universes' draws. `multiverse doctor STORE --mend` sets damaged ones aside.",
            )
        )
    return kind


def wanted(columns: Columns, available: Iterable[str]) -> list[str]:
    """Those of the available columns that are asked for; by name in the order asked, else as they are available."""
    if columns is None:
        return list(available)
    if callable(columns):
        return [column for column in available if columns(column)]
    found = set(available)
    return [column for column in columns if column in found]


def missing_name(store: Store, kind: str, name: str) -> StoreError:
    """The error for a name that was never published."""
    names = store.names(kind)
    return StoreError(
        Problem(
            f"the store {store.describe()} has no {kind} named {name!r}",
            f"one of its {len(names)} published {FOLDERS[kind]}" if names else f"a published {kind}; there is none yet",
            f"{near_miss(name, names)}`multiverse status {store.describe()}` shows what the store holds.",
        )
    )


def damaged_table(store: Store, kind: str, name: str, error: Exception) -> DamagedTable:
    """The error for a published table whose bytes are not a whole Parquet file."""
    return DamagedTable(
        Problem(
            f"the {kind} {name!r} of {store.describe()} is damaged and cannot be read ({error})",
            "a whole Parquet file, as it was published",
            f"`multiverse doctor {store.describe()}` says what is lost; with --mend it sets aside what is damaged, and "
            "the same `multiverse run` then answers only those universes again.",
        )
    )

"""Which packs stand for which parts, as numbered immutable tables: the highest number counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from multiverse.errors import Problem, StoreError
from multiverse.store.contract import Store, Table

HEADER: Final = b"multiverse.manifest"  # where the schema's metadata says when it was written, as JSON
DIGITS: Final = 8  # of a number in a name, so that names sort as numbers do
_SCHEMA: Final = pa.schema({"pack": pa.string(), "part": pa.string()})


@dataclass(frozen=True)
class Manifest:
    """Which packs stand for which parts, from `created` (with its time zone) until a higher number is published."""

    number: int
    packs: Mapping[str, frozenset[str]]
    created: datetime

    def name(self) -> str:
        """The name to publish it under: its number, and a hash of all it says."""
        said = [self.number, self.created.isoformat(), sorted((pack, *sorted(its)) for pack, its in self.packs.items())]
        return f"{self.number:0{DIGITS}d}-{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]}"


def encode_manifest(manifest: Manifest) -> Table:
    """The table: a row (pack, part) for each part that a pack stands for."""
    rows = [(pack, part) for pack, parts in sorted(manifest.packs.items()) for part in sorted(parts)]
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in (0, 1)]
    header = {"number": manifest.number, "created": manifest.created.isoformat()}
    return pa.table(columns, schema=_SCHEMA).replace_schema_metadata({HEADER: json.dumps(header)})


def decode_manifest(table: Table) -> Manifest:
    """The manifest of `encode_manifest`. Raises StoreError for any other table."""
    header: dict[str, Any] = json.loads((table.schema.metadata or {}).get(HEADER, b"{}"))
    if not header or table.column_names != _SCHEMA.names:
        raise StoreError(
            Problem("a table under `manifests` is no manifest", "a table of `encode_manifest`", "Set it aside.")
        )
    packs: dict[str, set[str]] = {}
    for pack, part in zip(table["pack"].to_pylist(), table["part"].to_pylist(), strict=True):
        packs.setdefault(pack, set()).add(part)
    created = datetime.fromisoformat(header["created"])
    return Manifest(header["number"], {pack: frozenset(parts) for pack, parts in packs.items()}, created)


def by_number(names: Iterable[str]) -> list[str]:
    """Names of manifests, that which counts first: the highest number, and of two with one number the first by name."""
    return sorted(names, key=lambda name: (-number_of(name), name))


def number_of(name: str) -> int:
    """The number in a manifest's name; 0, which no manifest has, where there is none."""
    digits = name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 0


def read_manifest(store: Store) -> Manifest | None:
    """The manifest that counts now; None if there is none.

    One that cannot be read (it is damaged, or was removed meanwhile) counts as absent: packs only stand for parts.
    """
    for name in by_number(store.names("manifest")):
        try:
            return decode_manifest(store.get("manifest", name))
        except StoreError:
            continue
    return None

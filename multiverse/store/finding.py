"""What is wrong in a store: said in words, and what would mend it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias


class SetAside(NamedTuple):
    """Move a table to where no reader looks."""

    kind: str
    name: str


class Rename(NamedTuple):
    """Publish a part under the name that its rows bear, and set the other aside."""

    name: str
    batch: str


class DropPack(NamedTuple):
    """Publish a manifest without this pack: its rows come from the parts again."""

    pack: str


class RemoveFile(NamedTuple):
    """Delete a file that is no table."""

    path: Path


Cure: TypeAlias = SetAside | Rename | DropPack | RemoveFile


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    means: what is lost or at stake. mend: what mends it. cure: what `mend` does about it; None where only a person can.
    damage: whether something is lost or cannot be read; else it is there to be known.
    """

    what: str
    means: str
    mend: str
    cure: Cure | None = None
    damage: bool = True

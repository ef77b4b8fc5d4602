"""Designs: which universes of a space are run, where it is larger than what can be run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from multiverse.space.space import Space


@dataclass(frozen=True)
class Selection:
    """The universes of a space that a design takes; the reference universe is always one of them.

    indices: their places in the space, ascending: `space[index]`. of: how many universes the space has. said: how they
    were taken, in words that follow "30 of 1,000 universes: "; empty where all of them were. notes: remarks.
    """

    indices: Sequence[int]
    of: int
    said: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def whole(self) -> bool:
        """Whether no universe is left out."""
        return not self.said


@runtime_checkable
class Design(Protocol):
    """A way to take universes from a space. `take` gives the same ones whenever it is asked about the same space."""

    def take(self, space: Space) -> Selection:
        """The universes, the reference among them. Raises SpaceError where the design does not fit the space."""
        ...


def whole_space(space: Space) -> Selection:
    """Every universe."""
    return Selection(range(space.size), space.size)


def selection(space: Space, indices: Iterable[int], said: str, *notes: str) -> Selection:
    """These universes and the reference, in the order of the space; where that is all of them, no more is said."""
    taken = sorted({*indices, space.index(space.reference)})
    return whole_space(space) if len(taken) == space.size else Selection(taken, space.size, said, notes)

"""Designs without chance or search: the whole space, one option at a time, and universes that were listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multiverse.design.design import Selection, selection, whole_space
from multiverse.space.space import Space


@dataclass(frozen=True)
class Full:
    """Every universe of the space."""

    def take(self, space: Space) -> Selection:
        """All of them."""
        return whole_space(space)


@dataclass(frozen=True)
class OneAtATime:
    """The reference universe, and all that differ from it in one decision (`Space.one_at_a_time`)."""

    def take(self, space: Space) -> Selection:
        """As many as there are options, or fewer."""
        indices = (space.index(universe) for universe in space.one_at_a_time())
        return selection(space, indices, "those that differ from the reference in one decision, no random sample")


@dataclass(frozen=True)
class Listed:
    """These universes, each a mapping from decision to label, and the reference."""

    universes: tuple[Mapping[str, str | None], ...]

    def take(self, space: Space) -> Selection:
        """Raises SpaceError where one of them is not in the space, and says why not."""
        return selection(space, (space.index(universe) for universe in self.universes), "as listed, no random sample")

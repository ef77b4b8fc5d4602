"""Which options occur together in a universe, found on the diagram without looking at universes one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from multiverse.space.diagram import Diagram, Node


class Item(NamedTuple):
    """An option that a universe can have: the place of its decision among those declared, and its label."""

    place: int
    label: str


@dataclass(frozen=True, eq=False)
class Together:
    """The options of a space by number, and for each the set of those that some universe has beside it.

    Sets of options are whole numbers: bit i stands for `items[i]`.
    """

    items: tuple[Item, ...]
    beside: tuple[int, ...]  # (item,) a set: later and earlier decisions' options, not its own

    @cached_property
    def number(self) -> dict[Item, int]:
        """Item -> its number."""
        return {item: i for i, item in enumerate(self.items)}

    @cached_property
    def pairs(self) -> int:
        """How many pairs of options some universe has."""
        return sum(others.bit_count() for others in self.beside) // 2

    @cached_property
    def by_place(self) -> dict[int, list[int]]:
        """The place of a decision -> the numbers of its options."""
        found: dict[int, list[int]] = defaultdict(list)
        for i, item in enumerate(self.items):
            found[item.place].append(i)
        return dict(found)

    def of(self, labels: Sequence[str | None]) -> int:
        """The set of the options that a universe has."""
        return sum(1 << self.number[Item(place, label)] for place, label in enumerate(labels) if label is not None)


def together(diagram: Diagram) -> Together:
    """Every option that is in a universe, in declared order of the decisions, and what it occurs with."""
    steps = list(diagram.levels())
    offered = [(place, dict.fromkeys(label for node in level for label in node.labels)) for place, level in steps]
    items = tuple(Item(place, label) for place, labels in sorted(offered) for label in labels if label is not None)
    number = {item: i for i, item in enumerate(items)}
    below: dict[Node, int] = {}  # the options on the paths from a node to the end
    later = [0] * len(items)  # an option's company among the decisions taken after its own
    for place, level in reversed(steps):
        for node in level:
            reached = 0
            for label, child in zip(node.labels, node.children, strict=True):
                under = below.get(child, 0)
                reached |= under
                if label is not None:
                    at = number[Item(place, label)]
                    later[at] |= under
                    reached |= 1 << at
            below[node] = reached
    beside = list(later)
    for i, company in enumerate(later):
        for other in bits(company):
            beside[other] |= 1 << i
    return Together(items, tuple(beside))


def bits(numbers: int) -> list[int]:
    """The members of a set, ascending."""
    found = []
    while numbers:
        low = numbers & -numbers
        found.append(low.bit_length() - 1)
        numbers ^= low
    return found

"""How many universes pass through each option and each pair of neighbouring options, read from a space's diagram.

No universe is made: a node of the diagram serves all pasts that lead to it, so what is counted is paths to nodes, from
the first decision to the last, times what is below them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

from multiverse.space.diagram import Diagram, Node

Name = TypeVar("Name")
Level = Mapping[Node, int]
"""The nodes at one depth, each with the number of ways to get there from the root."""


def counted_levels(diagram: Diagram) -> Iterator[Level]:
    """The nodes of each step, in the order in which decisions are taken; then the ends."""
    level: dict[Node, int] = {diagram.root: 1}
    yield level
    for _ in diagram.places:
        below: Counter[Node] = Counter()
        for node, ways in level.items():
            for child in node.children:
                below[child] += ways
        level = dict(below)
        yield level


def universes_so_far(level: Level) -> int:
    """How many different beginnings of universes there are once the decision of this level is taken."""
    return sum(ways * len(node.labels) for node, ways in level.items())


def universes_with(level: Level) -> dict[str | None, int]:
    """Label -> how many universes have it, at the decision of this level; only labels that occur."""
    found: Counter[str | None] = Counter()
    for node, ways in level.items():
        for label, child in zip(node.labels, node.children, strict=True):
            found[label] += ways * child.size
    return dict(found)


def universes_with_both(
    level: Level, first: Mapping[str | None, Name], second: Mapping[str | None, Name]
) -> dict[tuple[Name, Name], int]:
    """How many universes have an option of this level's decision together with one of the next decision's.

    first, second: label -> name under which it is counted, so that labels which are drawn as one are counted as one.
    Returns only pairs that occur.
    """
    ways_to: dict[Node, Counter[Name]] = {}
    for node, ways in level.items():
        for label, child in zip(node.labels, node.children, strict=True):
            ways_to.setdefault(child, Counter())[first[label]] += ways
    found: Counter[tuple[Name, Name]] = Counter()
    for node, arriving in ways_to.items():
        leaving: Counter[Name] = Counter()
        for label, child in zip(node.labels, node.children, strict=True):
            leaving[second[label]] += child.size
        for one, ways in arriving.items():
            for other, below in leaving.items():
                found[one, other] += ways * below
    return dict(found)

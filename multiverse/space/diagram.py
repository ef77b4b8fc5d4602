"""The universes of a space as a diagram: each node offers labels, each label leads on, a path is a universe.

Nodes know how many universes are below them, so the universe of an index and the index of a universe are one walk.
Every path ends: labels from which no universe can be reached are not offered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

Labels = tuple[str | None, ...]  # (decision,) in declared order, None where the decision does not apply


class Node:
    """The labels that one decision can take here, where each leads, and how many universes end below."""

    __slots__ = ("children", "ends", "labels", "size")

    def __init__(self, labels: Labels, children: tuple[Node, ...], size: int | None = None):
        self.labels = labels
        self.children = children
        self.ends = tuple(accumulate(child.size for child in children))  # universes up to and with each label
        self.size: int = size if size is not None else self.ends[-1]


END = Node((), (), 1)  # all decisions are taken: one universe
EMPTY = Node((), (), 0)  # no universe


@dataclass(frozen=True, eq=False)
class Diagram:
    """All universes as tuples of labels, in one fixed order, none of them held.

    places: (step,) the decision taken at each depth, by its place in declared order.
    """

    root: Node
    places: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of universes; may exceed what `len` can return."""
        return self.root.size

    def __iter__(self) -> Iterator[Labels]:
        """All universes, the last decision taken changing fastest; one tuple at a time."""
        if self.root is END or self.root is EMPTY:
            yield from [()] * self.root.size
            return
        row: list[str | None] = [None] * len(self.places)
        last = len(self.places) - 1
        last_place = self.places[last]
        stack = [iter(zip(self.root.labels, self.root.children, strict=True))]
        node = self.root
        while stack:
            depth = len(stack) - 1
            if depth == last:  # the inner loop, apart: it runs once a universe
                for label in node.labels:
                    row[last_place] = label
                    yield tuple(row)
                stack.pop()
                continue
            for label, node in stack[-1]:
                row[self.places[depth]] = label
                stack.append(iter(zip(node.labels, node.children, strict=True)))
                break
            else:
                stack.pop()

    def at(self, index: int) -> Labels:
        """The universe at an index from 0 to size - 1, in the order of iteration."""
        row: list[str | None] = [None] * len(self.places)
        node = self.root
        for place in self.places:
            choice = bisect_right(node.ends, index)
            index -= node.ends[choice - 1] if choice else 0
            row[place] = node.labels[choice]
            node = node.children[choice]
        return tuple(row)

    def find(self, labels: Sequence[str | None]) -> int | None:
        """The index of a universe, or None where it is not in the diagram."""
        index, node = 0, self.root
        for place in self.places:
            if labels[place] not in node.labels:
                return None
            choice = node.labels.index(labels[place])
            index += node.ends[choice - 1] if choice else 0
            node = node.children[choice]
        return index if node is END else None

    def settle(self, chosen: Sequence[str]) -> Labels | None:
        """The universe with these choices, None where a decision does not apply; or None where rules exclude it.

        chosen: (decision,) a label for every decision in declared order, also for those that may not apply.
        """
        row: list[str | None] = [None] * len(self.places)
        node = self.root
        for place in self.places:
            row[place] = None if node.labels == (None,) else chosen[place]
            if row[place] not in node.labels:
                return None
            node = node.children[node.labels.index(row[place])]
        return tuple(row)

    def offered(self) -> list[set[str | None]]:
        """(decision,) in declared order: the labels that occur in at least one universe."""
        found: list[set[str | None]] = [set() for _ in self.places]
        level = {self.root}
        for place in self.places:
            found[place].update(label for node in level for label in node.labels)
            level = {child for node in level for child in node.children}
        return found

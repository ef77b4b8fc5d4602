"""The universes of a space as a diagram: each node offers labels, each label leads on, a path is a universe.

Nodes know how many universes are below them, so the universe of an index and the index of a universe are one walk.
Every path ends: labels from which no universe can be reached are not offered.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

Labels = tuple[str | None, ...]  # (decision,) in declared order, None where the decision does not apply
Ranks = Mapping[str | None, int]  # label -> its number among a decision's options, None last


class Node:
    """The labels that one decision can take here, where each leads, and how many universes end below."""

    __slots__ = ("children", "ends", "labels", "size")

    def __init__(self, labels: Labels, children: tuple[Node, ...], size: int | None = None):
        self.labels = labels
        self.children = children
        self.ends = tuple(accumulate(child.size for child in children))  # universes up to and with each label
        self.size: int = size if size is not None else self.ends[-1]


Nodes = dict[tuple[Labels, tuple[Node, ...]], Node]  # by what they offer and where it leads: equal nodes are one

END = Node((), (), 1)  # all decisions are taken: one universe
EMPTY = Node((), (), 0)  # no universe


def union(roots: Sequence[Node], places: Sequence[int], ranks: Sequence[Ranks], nodes: Nodes) -> Node:
    """The root of the diagram of all universes that are below one of the roots at least, each once.

    All roots take decisions in the order of `places`.  nodes: those made so far; new ones are added.
    """
    known: dict[frozenset[Node], Node] = {}

    def both(parts: frozenset[Node], depth: int) -> Node:
        if len(parts) < 2:
            return next(iter(parts), EMPTY)
        if (found := known.get(parts)) is not None:
            return found
        below: dict[str | None, set[Node]] = {}
        for node in parts:
            for label, child in zip(node.labels, node.children, strict=True):
                below.setdefault(label, set()).add(child)
        labels = tuple(sorted(below, key=ranks[places[depth]].__getitem__))
        shape = labels, tuple(both(frozenset(below[label]), depth + 1) for label in labels)
        known[parts] = nodes.setdefault(shape, Node(*shape))
        return known[parts]

    return both(frozenset(roots) - {EMPTY}, 0)


@dataclass(frozen=True, eq=False)
class Diagram:
    """All universes as tuples of labels, in one fixed order, none of them held.

    places: (step,) the decision taken at each depth, by its place in declared order.
    ranks: (decision,) in declared order: label -> number of the option, in whose order nodes offer labels; if it is
    not given, labels are looked for one by one.
    """

    root: Node
    places: tuple[int, ...]
    ranks: tuple[Ranks, ...] = ()

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
            if (choice := self._choice(node, place, labels[place])) is None:
                return None
            if choice:
                index += node.ends[choice - 1]
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
            if (choice := self._choice(node, place, row[place])) is None:
                return None
            node = node.children[choice]
        return tuple(row)

    def _choice(self, node: Node, place: int, label: str | None) -> int | None:
        """Which of a node's labels this is, or None; by halving, since a decision may have thousands of options."""
        if not self.ranks:
            return node.labels.index(label) if label in node.labels else None
        ranks = self.ranks[place]
        if (rank := ranks.get(label)) is None:
            return None
        if rank < len(node.labels) and node.labels[rank] == label:  # the usual case: nothing before it is missing
            return rank
        choice = bisect_left(node.labels, rank, key=ranks.__getitem__)
        return choice if choice < len(node.labels) and node.labels[choice] == label else None

    def offered(self) -> list[set[str | None]]:
        """(decision,) in declared order: the labels that occur in at least one universe."""
        found: list[set[str | None]] = [set() for _ in self.places]
        for place, level in self.levels():
            found[place].update(label for node in level for label in node.labels)
        return found

    def levels(self) -> Iterator[tuple[int, list[Node]]]:
        """The place of the decision and the nodes of each depth, each node once, from the root down."""
        level = [self.root]
        for place in self.places:
            yield place, level
            level = list(dict.fromkeys(child for node in level for child in node.children))

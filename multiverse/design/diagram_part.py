"""The part of a diagram whose universes have certain labels; made without looking at universes one by one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from multiverse.space.diagram import EMPTY, Diagram, Node


def part(diagram: Diagram, wanted: Mapping[int, Collection[str | None]]) -> Diagram:
    """The universes whose label at each of these places, as decisions are declared, is among those wanted.

    Costs a visit to each node above the last of these places; what is below is shared with the diagram.
    """
    depths = {diagram.places.index(place): labels for place, labels in wanted.items()}
    last = max(depths, default=-1)
    made: dict[Node, Node] = {}

    def at(node: Node, depth: int) -> Node:
        if depth > last:
            return node
        if (known := made.get(node)) is not None:
            return known
        allowed = depths.get(depth)
        kept = [
            (label, below)
            for label, child in zip(node.labels, node.children, strict=True)
            if (allowed is None or label in allowed) and (below := at(child, depth + 1)) is not EMPTY
        ]
        made[node] = Node(tuple(label for label, _ in kept), tuple(child for _, child in kept)) if kept else EMPTY
        return made[node]

    return replace(diagram, root=at(diagram.root, 0))

"""Digests of a graph of values: content decides, never identity, order of visits or process.

A value becomes a node: a tag and parts, each either bytes or another node. Values can refer to each other in circles
(two functions that call each other), so a digest cannot simply be that of the parts. Strongly connected nodes are
digested together: all start alike and take on the colours of their parts, round by round, until no round tells more of
them apart (partition refinement). What is then known, which colour is made of which, describes the circle whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Union

Part = Union[bytes, "Node"]


class Node:
    """A value in the graph.

    tag: its kind. parts: in an order that means something, or in any order where `ordered` is False (sets, dicts).
    Nodes are made empty and filled afterwards, so that a value may contain itself.
    """

    __slots__ = ("tag", "parts", "ordered")

    def __init__(self, tag: str = "", parts: Iterable[Part] = (), *, ordered: bool = True):
        self.tag = tag
        self.parts: Sequence[Part] = tuple(parts)
        self.ordered = ordered

    def fill(self, form: Node) -> None:
        """Become what `form` is."""
        self.tag, self.parts, self.ordered = form.tag, form.parts, form.ordered


def digest(root: Part) -> bytes:
    """The 32 bytes that stand for a value: equal for equal content, whatever the order in which it was visited."""
    digests: dict[Node, bytes] = {}
    if isinstance(root, Node):
        for component in _components(root):
            _digest_component(component, digests)
    return _hash("root", [_encode(root, digests.__getitem__)])


def _digest_component(component: list[Node], digests: dict[Node, bytes]) -> None:
    alone = component[0]
    if len(component) == 1 and not any(part is alone for part in alone.parts):
        digests[alone] = _hash_node(alone, digests.__getitem__)
        return
    # The colours of one round and of the next are the states of an automaton and what each is made of.
    here = dict.fromkeys(component, b"")
    after = _recolour(component, here, digests)
    while len(set(after.values())) > len(set(here.values())):
        here, after = after, _recolour(component, after, digests)
    circle = _hash("circle", sorted({here[node] + after[node] for node in component}))
    digests.update({node: _hash("in a circle", [here[node], circle]) for node in component})


def _recolour(component: list[Node], colours: dict[Node, bytes], digests: dict[Node, bytes]) -> dict[Node, bytes]:
    def colour(node: Node) -> bytes:
        return colours[node] if node in colours else digests[node]

    return {node: _hash_node(node, colour) for node in component}


def _hash_node(node: Node, digest_of: Callable[[Node], bytes]) -> bytes:
    parts = [_encode(part, digest_of) for part in node.parts]
    return _hash(f"{node.tag}:{'list' if node.ordered else 'bag'}", parts if node.ordered else sorted(parts))


def _encode(part: Part, digest_of: Callable[[Node], bytes]) -> bytes:
    return b"N" + digest_of(part) if isinstance(part, Node) else b"B" + part


def _hash(tag: str, parts: Iterable[bytes]) -> bytes:
    # Lengths come first, so that no two different sequences of parts run together to the same bytes.
    hasher = hashlib.sha256()
    for part in (tag.encode(), *parts):
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()


def _components(root: Node) -> list[list[Node]]:
    """Strongly connected components, each after those it refers to. Source: Tarjan 1972, SIAM J. Comput. 1(2)."""
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    waiting: list[Node] = []
    on_stack: set[Node] = set()
    done: list[list[Node]] = []
    work: list[tuple[Node, int]] = [(root, 0)]
    while work:
        node, position = work.pop()
        if position == 0:
            index[node] = low[node] = len(index)
            waiting.append(node)
            on_stack.add(node)
        else:
            child = node.parts[position - 1]
            assert isinstance(child, Node)
            low[node] = min(low[node], low[child])
        for place in range(position, len(node.parts)):
            part = node.parts[place]
            if not isinstance(part, Node):
                continue
            if part not in index:
                work += [(node, place + 1), (part, 0)]
                break
            if part in on_stack:
                low[node] = min(low[node], index[part])
        else:
            if low[node] == index[node]:
                component = [waiting.pop()]
                while component[-1] is not node:
                    component.append(waiting.pop())
                on_stack.difference_update(component)
                done.append(component)
    return done

"""The walk over a value: each part is visited once, and what has no identity is said with where it was found."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from multiverse.errors import Problem
from multiverse.identity.graph import Node, Part

EXPECTED = "values, arrays, tables, distributions, and functions written in a file or a notebook cell"

Kind = Callable[[Any, "Walk"], Node | None]
"""How one kind of value becomes a node; None for values of other kinds."""


class Walk:
    """One walk over one value.

    kinds: tried in order. problems: what cannot be fingerprinted, filled while walking.
    """

    def __init__(self, kinds: Sequence[Kind], name: str):
        self._kinds = kinds
        self._steps = [name]
        # The value is held beside its node: an id may be used again once its object is gone.
        self._seen: dict[int, tuple[Any, Node]] = {}
        self.problems: list[Problem] = []

    @property
    def where(self) -> str:
        """The way from the root to the value at hand, as in `model -> helper 'scale' -> captured 'rng'`."""
        return " -> ".join(self._steps)

    def part(self, value: Any, step: str = "") -> Part:
        """The value as part of the one at hand. step: how one gets to it, in words; empty when it is the same thing."""
        if (plain := atom(value)) is not None:
            return plain
        if id(value) in self._seen:
            return self._seen[id(value)][1]
        node = Node()
        self._seen[id(value)] = value, node
        if step:
            self._steps.append(step)
        try:
            node.fill(self._node(value))
        except RecursionError:
            node.fill(self.refuse("is nested too deeply to be followed", "flatten it"))
        finally:
            if step:
                self._steps.pop()
        return node

    def pairs(self, tag: str, items: Sequence[tuple[str, Any]], step: str = "{!r}") -> Node:
        """Named values, in any order. step: a format of the name."""
        parts = [Node("pair", [self.part(name), self.part(value, step.format(name))]) for name, value in items]
        return Node(tag, parts, ordered=False)

    def refuse(self, what: str, mend: str, expected: str = EXPECTED) -> Node:
        """Note that the value at hand cannot be fingerprinted. what: goes on after `where`, as in "is an open file"."""
        self.problems.append(Problem(f"{self.where} {what}.", expected, mend))
        return Node("refused")

    def _node(self, value: Any) -> Node:
        for kind in self._kinds:
            if (node := kind(value, self)) is not None:
                return node
        raise AssertionError("the last kind takes every value")


def atom(value: Any) -> bytes | None:
    """A plain value as bytes that tell its type and value exactly; None for everything else.

    NaNs are one value, -0.0 is not 0.0, and True, 1 and 1.0 are three values.
    """
    if value is None:
        return b"none"
    kind = type(value)
    if kind is bool:
        return b"bool:1" if value else b"bool:0"
    if kind is int:
        return b"int:" + f"{value:x}".encode()
    if kind is float:
        return b"float:" + _float(value)
    if kind is complex:
        return b"complex:" + _float(value.real) + _float(value.imag)
    if kind is str:
        return b"str:" + bytes(value.encode("utf-8", "surrogatepass"))
    if kind is bytes:
        return b"bytes:" + bytes(value)
    return None


def _float(value: float) -> bytes:
    return struct.pack(">d", value if value == value else float("nan"))

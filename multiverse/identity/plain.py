"""Fingerprints of what Python and its standard library are made of: containers, enums, dates, paths, instances."""

from __future__ import annotations

import copyreg
import datetime
import enum
import functools
import io
import pathlib
import random
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from multiverse.identity.graph import Node
from multiverse.identity.walk import Walk


def containers(value: Any, walk: Walk) -> Node | None:
    """Lists, tuples, sets, mappings, ranges, slices. The order in which a dict was filled does not count."""
    kind = type(value)
    if kind in (list, tuple):
        return Node(kind.__name__, [walk.part(item, f"[{i}]") for i, item in enumerate(value)])
    if kind in (set, frozenset):
        return Node(kind.__name__, [walk.part(item, "an item") for item in value], ordered=False)
    if kind in (dict, types.MappingProxyType):
        return Node("dict", _items(value, walk), ordered=False)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return Node(
            "namedtuple",
            [walk.part(kind), walk.pairs("fields", list(zip(value._fields, value, strict=True)), "field {!r}")],
        )
    if kind is types.SimpleNamespace:
        return walk.pairs("namespace", list(vars(value).items()), "attribute {!r}")
    if kind is range or kind is slice:
        return Node(kind.__name__, [walk.part(x) for x in (value.start, value.stop, value.step)])
    if kind is bytearray:
        return Node("bytearray", [bytes(value)])
    return None


def _items(mapping: Mapping[Any, Any], walk: Walk) -> list[Node]:
    return [
        Node("pair", [walk.part(key, f"key {key!r}"), walk.part(item, f"[{key!r}]")]) for key, item in mapping.items()
    ]


def standard(value: Any, walk: Walk) -> Node | None:
    """Enum members, dates and times, paths."""
    if isinstance(value, enum.Enum):
        return Node("enum", [walk.part(type(value)), walk.part(value.name), walk.part(value.value)])
    kind = type(value)
    if kind in (datetime.date, datetime.timedelta):
        return Node(kind.__name__, [walk.part(repr(value))])
    if kind in (datetime.datetime, datetime.time):
        naive = value.replace(tzinfo=None)
        return Node(kind.__name__, [walk.part(naive.isoformat()), walk.part(value.fold), walk.part(value.tzinfo)])
    if isinstance(value, pathlib.PurePath) and kind.__module__.partition(".")[0] == "pathlib":
        return Node("path", [walk.part(str(value))])
    return None


def refused(value: Any, walk: Walk) -> Node | None:
    """What gives something else each time it is used, or belongs to this process."""
    if isinstance(value, random.Random):
        return walk.refuse(
            "is a random number generator, which gives other numbers each time it is used",
            "pass a seed (an int) and make the generator inside the function: `rng = random.Random(seed)`",
        )
    if isinstance(value, io.IOBase):
        return walk.refuse("is an open file", "pass the path and open the file inside the function")
    if isinstance(value, Iterator):
        return walk.refuse(f"is {_a(value)}, which is used up by reading it", "make it a list: `list(...)`")
    return None


def instances(value: Any, walk: Walk) -> Node | None:
    """Everything else: the class, and the state that pickle would keep."""
    kind = type(value)
    if is_dataclass(value):
        named = [(f.name, getattr(value, f.name)) for f in fields(value) if hasattr(value, f.name)]
        return Node("dataclass", [walk.part(kind), walk.pairs("fields", named, "field {!r}")])
    try:
        reduced = copyreg.dispatch_table[kind](value) if kind in copyreg.dispatch_table else value.__reduce_ex__(4)
    except Exception:
        return walk.refuse(
            f"is {_a(value)}, which has no state that could be read",
            "make it inside the function that uses it, from plain values that you pass",
        )
    if isinstance(reduced, str):
        return Node("named", [walk.part(kind), walk.part(reduced)])
    make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    return Node(
        "instance",
        [
            walk.part(kind),
            walk.part(make),
            Node("arguments", [walk.part(a) for a in arguments if a is not kind]),
            _state(state, kind, walk),
            Node("items", [walk.part(item, f"[{i}]") for i, item in enumerate(items or ())]),
            Node("entries", _items(dict(pairs or ()), walk), ordered=False),
        ],
    )


# What functools.wraps copies onto a wrapper: where it is from and how it is called, not what it does.
_COPIED = {*functools.WRAPPER_ASSIGNMENTS, "__type_params__", "__annotations__", "__annotate__"}


def _state(state: Any, kind: type, walk: Walk) -> Node:
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if isinstance(attributes, dict | None) and isinstance(slots, dict | None):
        both = {**(attributes or {}), **(slots or {})}
        named = {name: v for name, v in both.items() if name not in _COPIED and not is_cached(kind, name)}
        return walk.pairs("attributes", list(named.items()), "attribute {!r}")
    return Node("state", [walk.part(state, "its state")])


def is_cached(kind: type, name: str) -> bool:
    """True for an attribute that only remembers what the class computes: it may be there or not."""
    computed = getattr(kind, name, None) if isinstance(name, str) else None
    return isinstance(computed, functools.cached_property) or type(computed).__name__ == "lazy_property"


def _a(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"

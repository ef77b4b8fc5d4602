"""Fingerprints of the user's own classes: name, bases, fields and members, without what Python adds by itself."""

from __future__ import annotations

import enum
import functools
import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from multiverse.identity.graph import Node
from multiverse.identity.installed import is_installed_function
from multiverse.identity.source import is_made_on_the_fly
from multiverse.identity.walk import Walk

_NO_MEANING = {
    "__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__", "__dict__",
    "__doc__", "__firstlineno__", "__match_args__", "__module__", "__orig_bases__", "__parameters__", "__qualname__",
    "__signature__", "__slots__", "__static_attributes__", "__type_params__", "__weakref__", "_abc_impl",
    "_is_protocol", "_is_runtime_protocol", "__protocol_attrs__", "__non_callable_proto_members__",
}  # fmt: skip
_GENERATED = {"__dataclass_fields__", "__dataclass_params__", "_fields", "_field_defaults", "_singleton", "_instance"}
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)


def own_class(kind: type, walk: Walk) -> Node:
    """A class of the user's: two empty classes of different names differ, since they can be told apart."""
    bases = [walk.part(base, f"base {base.__name__!r}") for base in kind.__bases__ if base is not object]
    meta = [] if type(kind) is type else [walk.part(type(kind))]
    members = [
        Node("pair", [walk.part(name), walk.part(member, f"member {name!r}")])
        for name, member in vars(kind).items()
        if _means_something(kind, name, member)
    ]
    return Node(
        "class",
        [walk.part(kind.__name__), *_fields(kind, walk), *bases, *meta, Node("members", members, ordered=False)],
    )


def _fields(kind: type, walk: Walk) -> list[Node]:
    """Fields of dataclasses and named tuples, members of enums, in their order."""
    if issubclass(kind, enum.Enum):
        members = [(name, member.value) for name, member in kind.__members__.items()]
        return [Node("member", [walk.part(name), walk.part(value)]) for name, value in members]
    if "__dataclass_fields__" in vars(kind) and is_dataclass(kind):
        params = vars(kind)["__dataclass_params__"]
        flags = [walk.part(getattr(params, name)) for name in ("eq", "order", "frozen", "unsafe_hash")]
        declared = [
            Node(
                "field",
                [
                    walk.part((f.name, f.init, f.compare, f.kw_only)),
                    *(
                        walk.part(v, f"default of {f.name!r}")
                        for v in (f.default, f.default_factory)
                        if v is not MISSING
                    ),
                ],
            )
            for f in fields(kind)
        ]
        return [Node("flags", flags), *declared]
    if issubclass(kind, tuple) and "_fields" in vars(kind):
        names, defaults = vars(kind)["_fields"], vars(kind).get("_field_defaults", {})
        return [Node("fields", [walk.part(names), walk.part(defaults, "default")])]
    return []


def _means_something(kind: type, name: str, member: Any) -> bool:
    if name in _NO_MEANING or name in _GENERATED or isinstance(member, _SLOTS):
        return False
    is_enum = issubclass(kind, enum.Enum)
    generated = is_enum or "__dataclass_fields__" in vars(kind) or "_fields" in vars(kind)
    if not generated:
        return True
    function = _function(member)
    if function is not None:
        return not is_installed_function(function) and not is_made_on_the_fly(function)
    if is_enum:
        return not name.startswith("_") and not isinstance(member, kind)
    return not name.startswith("__") and type(member).__name__ != "_tuplegetter"


def _function(member: Any) -> types.FunctionType | None:
    """The function within a method, property or the like."""
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, staticmethod | classmethod):
        member = member.__func__
    elif isinstance(member, functools.cached_property):
        member = member.func
    return member if isinstance(member, types.FunctionType) else None

"""Fingerprints of callables: the user's own by syntax tree and all it refers to, installed ones by qualified name."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

from multiverse.identity.classes import own_class
from multiverse.identity.graph import Node
from multiverse.identity.installed import (
    installed_class_name,
    installed_name,
    installed_singleton,
    is_installed_class,
    is_installed_function,
    is_installed_module,
)
from multiverse.identity.names import captured_values, references
from multiverse.identity.source import NoSource, function_node
from multiverse.identity.syntax import syntax_text
from multiverse.identity.walk import Walk

_OF_A_C_TYPE = (
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
)

# What functools.singledispatch and methods capture besides what they were made from.
_CACHES = {"__class__", "cache_token", "dispatch_cache"}


def functions(value: Any, walk: Walk) -> Node | None:
    """Functions, methods and partials."""
    if isinstance(value, types.FunctionType):
        return _installed_function(value, walk) if is_installed_function(value) else _own_function(value, walk)
    if isinstance(value, types.MethodType):
        return _bound(value.__func__, value.__self__, walk)
    if isinstance(value, functools.partial):
        arguments = Node("arguments", [walk.part(a, f"argument {i}") for i, a in enumerate(value.args)])
        keywords = walk.pairs("keywords", list(value.keywords.items()), "argument {!r}")
        return Node("partial", [walk.part(type(value)), walk.part(value.func, "its function"), arguments, keywords])
    if isinstance(value, types.BuiltinFunctionType | types.MethodWrapperType):
        owner = value.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            name = installed_name(value) or f"{value.__module__}.{value.__qualname__}"
            return Node("installed", [walk.part(name)])
        return _bound(value.__name__, owner, walk)
    if isinstance(value, _OF_A_C_TYPE):
        return Node("method", [walk.part(value.__name__), walk.part(value.__objclass__)])
    return None


def _bound(function: Any, owner: Any, walk: Walk) -> Node:
    if type(owner).__name__ == "RandomState":
        return walk.refuse(
            "draws from a generator that gives other numbers each time it is used",
            "pass a seed (an int) and make a generator inside the function: `rng = np.random.default_rng(seed)`",
        )
    return Node("method", [walk.part(function), walk.part(owner, "its object")])


def _own_function(function: types.FunctionType, walk: Walk) -> Node:
    try:
        node = function_node(function)
    except NoSource as gap:
        return walk.refuse(gap.what, gap.mend)
    defaults = [walk.part(v, f"default {i} of its arguments") for i, v in enumerate(function.__defaults__ or ())]
    keywords = walk.pairs("keywords", list((function.__kwdefaults__ or {}).items()), "default of {!r}")
    found = {r.name: r for r in references(function, node)}
    parts = [Node("pair", [walk.part(n), walk.part(r.value, r.step)]) for n, r in found.items()]
    return Node(
        "function",
        [walk.part(syntax_text(node)), Node("defaults", defaults), keywords, Node("refers to", parts, ordered=False)],
    )


def _installed_function(function: types.FunctionType, walk: Walk) -> Node:
    """By name; a function that an installed one made, as `jax.vmap(model)`, also by what it was made from."""
    if name := installed_name(function):
        return Node("installed", [walk.part(name)])
    maker = f"{function.__globals__.get('__name__')}.{function.__code__.co_qualname}"
    values = list(function.__defaults__ or ()), function.__kwdefaults__
    captured = [(n, v) for n, v in captured_values(function) if n not in _CACHES]
    return Node("made", [walk.part(maker), walk.part(values), walk.pairs("captured", captured, "captured {!r}")])


def classes(value: Any, walk: Walk) -> Node | None:
    """Classes: installed ones by name, the user's own by their methods and bases."""
    if not isinstance(value, type):
        return None
    if is_installed_class(value):
        return Node("installed", [walk.part(installed_class_name(value))])
    return own_class(value, walk)


def modules(value: Any, walk: Walk) -> Node | None:
    """Modules: installed ones by name. One of the user's own is too much: what of it is used cannot be told."""
    if not isinstance(value, types.ModuleType):
        return None
    if is_installed_module(value):
        return Node("installed", [walk.part(value.__name__)])
    return walk.refuse(
        f"is your module {value.__name__!r} as a whole",
        f"refer to what is used of it, as `{value.__name__.rpartition('.')[2]}.name`",
        "a function or a value of the module",
    )


def named(value: Any, walk: Walk) -> Node | None:
    """Other installed things that have a name: ufuncs, jitted functions of jax.numpy, `scipy.stats.norm`."""
    if name := installed_name(value) or installed_singleton(value):
        return Node("installed", [walk.part(name)])
    return None


def wrappers(value: Any, walk: Walk) -> Node | None:
    """Callables and descriptors that wrap a function: jitted, cached and vectorised ones, properties, class methods."""
    kind = type(value)
    if isinstance(value, property):
        accessors = [walk.part(f) for f in (value.fget, value.fset, value.fdel)]
        return Node("property", [walk.part(kind), *accessors])
    if isinstance(value, staticmethod | classmethod):
        return Node(kind.__name__, [walk.part(value.__func__)])
    if isinstance(value, functools.cached_property):
        return Node("cached_property", [walk.part(value.func)])
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.vectorize:
        settings = (value.otypes, value.signature, value.excluded)
        return Node("vectorize", [walk.part(value.pyfunc, "function"), walk.part(settings)])
    if numpy is not None and kind is numpy.ufunc:
        return walk.refuse("is a ufunc made on the fly, which hides its function", "use `np.vectorize(function)`")
    in_c = not any(isinstance(member, types.FunctionType) for member in vars(kind).values())
    if in_c and is_installed_class(kind) and callable(value) and hasattr(value, "__wrapped__"):
        return Node("wrapper", [walk.part(kind), walk.part(value.__wrapped__)])
    return None

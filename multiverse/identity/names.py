"""What a function refers to: the global names it and its nested functions read, the values it captured, its imports.

Chains through the user's own modules are followed: `helpers.scale(...)` refers to `scale` in helpers, not to all of it.
"""

from __future__ import annotations

import ast
import builtins
import dis
import importlib
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from multiverse.identity.installed import is_installed_file, is_installed_module
from multiverse.identity.source import nested_codes
from multiverse.identity.syntax import FunctionNode, imports_within, name_uses

_READS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
# They say where a module lies, not what it computes.
_ABOUT_THE_MODULE = {"__file__", "__name__", "__package__", "__path__", "__spec__", "__loader__", "__builtins__"}


class Reference(NamedTuple):
    """One thing a function refers to. name: as it is written there; step: how to say it; value: what it is now."""

    name: str
    step: str
    value: Any


class Missing(NamedTuple):
    """Stands for a name that has no value: the function would fail, or the name is set later."""

    name: str


def references(function: FunctionType, node: FunctionNode) -> Iterator[Reference]:
    """Everything the function refers to, each name once."""
    uses = name_uses(node)
    for name, value in _captured(function):
        yield from _follow(name, value, uses.get(name, {()}), "captured")
    for name in sorted(_globals_read(function.__code__) & set(uses) - _ABOUT_THE_MODULE):
        if name in function.__globals__:
            value = _below_its_module(function.__globals__[name], function)
            yield from _follow(name, value, uses[name], "global")
        elif not hasattr(builtins, name):
            yield Reference(name, f"name {name!r}", Missing(name))
    for statement in imports_within(node):
        yield from _imported(statement, function, uses)


def captured_values(function: FunctionType) -> list[tuple[str, Any]]:
    """Names and values a function captured."""
    return list(_captured(function))


def _captured(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            yield name, Missing(name)


def _globals_read(code: CodeType) -> set[str]:
    instructions = (i for c in nested_codes(code) for i in dis.get_instructions(c))
    return {str(i.argval) for i in instructions if i.opname in _READS}


def _follow(name: str, value: Any, chains: set[tuple[str, ...]], how: str) -> Iterator[Reference]:
    """The value of a name, or, for a module of the user's, what is reached through it."""
    if not isinstance(value, ModuleType) or is_installed_module(value):
        word = "helper" if how == "global" and callable(value) else how
        yield Reference(name, f"{word} {name!r}", value)
        return
    reached: dict[str, Any] = {}
    for chain in chains:
        found: Any = value
        way = name
        for attribute in chain:
            if not isinstance(found, ModuleType) or is_installed_module(found):
                break
            way = f"{way}.{attribute}"
            found = getattr(found, attribute, Missing(way))
        reached[way] = found
    for way, found in sorted(reached.items()):
        word = "helper" if callable(found) else how
        yield Reference(way, f"{word} {way!r}", found)


def _below_its_module(value: Any, function: FunctionType) -> Any:
    """A path below the folder of the function's module, relative to it: a study may be moved as a whole."""
    file = function.__globals__.get("__file__")
    if isinstance(value, pathlib.PurePath) and isinstance(file, str):
        folder = pathlib.PurePath(os.path.dirname(os.path.abspath(file)))
        if value.is_relative_to(folder):
            return "below its module", str(value.relative_to(folder))
    return value


def _imported(
    statement: ast.Import | ast.ImportFrom, function: FunctionType, uses: dict[str, set[tuple[str, ...]]]
) -> Iterator[Reference]:
    """What an import within a function brings in from the user's own modules."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            module = _own_module(alias.name)
            bound = alias.asname or alias.name.partition(".")[0]
            value = module if alias.asname else sys.modules.get(bound)
            if module is not None and value is not None:
                yield from _follow(bound, value, uses.get(bound, set()), "import")
        return
    home = _home(statement, function)
    module = _own_module(home) if home else None
    for alias in statement.names if module is not None else ():
        bound = alias.asname or alias.name
        found: Any = getattr(module, alias.name, None)
        if found is None:
            found = _own_module(f"{home}.{alias.name}") or Missing(alias.name)
        yield from _follow(bound, found, uses.get(bound, set()), "import")


def _home(statement: ast.ImportFrom, function: FunctionType) -> str | None:
    """The full name of the module that is imported from; None where a relative import leads nowhere."""
    home = "." * statement.level + (statement.module or "")
    try:
        return importlib.util.resolve_name(home, function.__globals__.get("__package__") or "")
    except ImportError:
        return None


def _own_module(name: str) -> ModuleType | None:
    """The module when it is the user's own; imported, as the function would do. None when it is installed, or when it
    cannot be imported (the function will say so itself).
    """
    top = name.partition(".")[0]
    if top in sys.modules and is_installed_module(top):
        return None
    try:
        spec = importlib.util.find_spec(top) if top not in sys.modules else None
        places = [spec.origin, *(spec.submodule_search_locations or [])] if spec else []
        if any(p is not None and (p in ("built-in", "frozen") or is_installed_file(p)) for p in places):
            return None
        return importlib.import_module(name)
    except Exception:
        return None

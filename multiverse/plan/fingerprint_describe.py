"""One line of text for a value, as a person would write it: `Normal(0, 10)`, `function student(study.py:12)`."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import types
from collections.abc import Mapping
from typing import Any

from multiverse.plan.fingerprint_installed import installed_name, is_installed_class
from multiverse.plan.source import NoSource, function_node

WIDTH = 80  # a value of a table or a message: what fits a terminal line


def describe(value: Any) -> str:
    """The value in one line of at most `WIDTH` characters, for messages and tables; not made to be read back."""
    text = " ".join(_text(value).split())
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _text(value: Any) -> str:
    if isinstance(value, types.FunctionType):
        return _function(value)
    if isinstance(value, types.MethodType):
        return f"{_text(value.__self__)}.{value.__name__}"
    if isinstance(value, functools.partial):
        given = [*map(_text, value.args), *(f"{k}={_text(v)}" for k, v in value.keywords.items())]
        return f"partial({', '.join([_text(value.func), *given])})"
    if isinstance(value, type | types.BuiltinFunctionType | types.ModuleType):
        return value.__name__
    if name := installed_name(value):
        return name
    if isinstance(value, Mapping) and type(value) is dict:
        return "{" + ", ".join(f"{k!r}: {_text(v)}" for k, v in value.items()) + "}"
    if type(value) is list:
        return f"[{', '.join(map(_text, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    return _shaped(value) or _instance(value)


def _function(function: types.FunctionType) -> str:
    if name := installed_name(function):
        return name
    place = f"{os.path.basename(function.__code__.co_filename)}:{function.__code__.co_firstlineno}"
    if function.__name__ != "<lambda>":
        return f"function {function.__name__}({place})"
    try:
        written = ast.unparse(function_node(function))
    except NoSource:
        written = ""
    return f"{written} ({place})" if 0 < len(written) <= WIDTH // 2 else f"lambda ({place})"


def _shaped(value: Any) -> str | None:
    """Arrays and tables."""
    shape, kind = getattr(value, "shape", None), type(value).__name__
    if not isinstance(shape, tuple) or isinstance(value, type):
        return None
    if hasattr(value, "columns"):
        return f"{kind} of {shape[0]} rows and {shape[1]} columns"
    if not hasattr(value, "dtype"):
        return None
    if shape == ():
        return str(value)
    if len(shape) == 1 and shape[0] <= 6 and value.dtype.kind in "biufO":
        return f"array([{', '.join(f'{x:.6g}' if value.dtype.kind == 'f' else str(x) for x in value)}])"
    return f"{kind} of {value.dtype}, shape {shape}"


def _instance(value: Any) -> str:
    """A call that would make the value, where its class's arguments are its attributes; else its repr."""
    kind = type(value)
    if kind.__name__ in ("ExpandedDistribution", "Independent") and hasattr(value, "base_dist"):
        ndims = getattr(value, "reinterpreted_batch_ndims", None)
        suffix = f".expand({list(value.batch_shape)})" if ndims is None else f".to_event({ndims})"
        return _text(value.base_dist) + suffix
    if "<" not in (shown := repr(value)) or kind.__repr__ is not object.__repr__ and " object at 0x" not in shown:
        return shown
    if not hasattr(value, "__dict__") or not (is_installed_class(kind) or kind.__init__ is not object.__init__):
        return f"{kind.__name__} instance"
    return f"{kind.__name__}({', '.join(_arguments(value))})"


def _arguments(value: Any) -> list[str]:
    given = []
    by_keyword = False
    for name, parameter in inspect.signature(type(value).__init__).parameters.items():
        if name == "self" or name == "validate_args" or parameter.kind in (parameter.VAR_KEYWORD,):
            continue
        held = vars(value).get(name, parameter.empty)
        optional = parameter.default is not parameter.empty and parameter.default is not held
        if held is parameter.empty or (not optional and parameter.default is held):
            by_keyword = True
            continue
        given.append(f"{name}={_text(held)}" if by_keyword or parameter.kind is parameter.KEYWORD_ONLY else _text(held))
    return given

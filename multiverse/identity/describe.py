"""One line of text for a value, as a person would write it: `Normal(0, 10)`, `function student(study.py:12)`."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import types
from typing import Any

import numpy as np

from multiverse.identity.installed import installed_name, is_installed_function
from multiverse.identity.source import NoSource, function_node

WIDTH = 80  # a value of a table or a message: what fits a terminal line
SHOWN = 6  # the longest array that is shown by its numbers: they fit in half of WIDTH


def describe(value: Any) -> str:
    """The value in one line of at most `WIDTH` characters, for messages and tables; not made to be read back."""
    text = " ".join(_text(value).split())
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _text(value: Any) -> str:
    if isinstance(value, types.FunctionType):
        return _function(value)
    if isinstance(value, types.MethodType | types.BuiltinMethodType) and not isinstance(
        value.__self__, types.ModuleType | None
    ):
        return f"{_text(value.__self__)}.{value.__name__}"
    if isinstance(value, functools.partial):
        given = [*map(_text, value.args), *(f"{k}={_text(v)}" for k, v in value.keywords.items())]
        return f"partial({', '.join([_text(value.func), *given])})"
    if isinstance(value, type | types.BuiltinFunctionType | types.ModuleType):
        return value.__name__
    if name := installed_name(value):
        return name
    if callable(value) and hasattr(value, "__wrapped__"):
        return f"{_text(value.__wrapped__)}, wrapped"
    if type(value) is dict:
        return "{" + ", ".join(f"{k!r}: {_text(v)}" for k, v in value.items()) + "}"
    if type(value) is list:
        return f"[{', '.join(map(_text, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    return _shaped(value) or _instance(value)


def _function(function: types.FunctionType) -> str:
    if name := installed_name(function):
        return name
    if is_installed_function(function):
        return f"function {function.__name__}, made by {str(function.__globals__['__name__']).partition('.')[0]}"
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
    kind, shape = type(value).__name__, getattr(value, "shape", None)
    if hasattr(value, "data_vars"):
        return f"{kind} of {', '.join(map(str, value.data_vars))}"
    if not isinstance(shape, tuple) or isinstance(value, type | np.dtype):
        return None
    if hasattr(value, "columns"):
        return f"{kind} of {shape[0]} rows and {shape[1]} columns"
    if not hasattr(value, "dtype") or kind not in ("ndarray", "ArrayImpl"):
        return f"{kind}{f' of {value.dtype}' if hasattr(value, 'dtype') else ''}, shape {shape}"
    if shape == ():
        return str(value)
    if len(shape) == 1 and shape[0] <= SHOWN and value.dtype.kind in "biufO":
        return f"array([{', '.join(f'{x:.6g}' if value.dtype.kind == 'f' else str(x) for x in value)}])"
    return f"array of {value.dtype}, shape {shape}"


def _instance(value: Any) -> str:
    """A call that would make the value, where its class's arguments are its attributes; else its repr."""
    kind = type(value)
    if kind.__name__ in ("ExpandedDistribution", "Independent") and hasattr(value, "base_dist"):
        ndims = getattr(value, "reinterpreted_batch_ndims", None)
        suffix = f".expand({list(value.batch_shape)})" if ndims is None else f".to_event({ndims})"
        return _text(value.base_dist) + suffix
    shown = repr(value)
    if " at 0x" not in shown and "\n" not in shown:
        return shown
    if not hasattr(value, "__dict__"):
        return f"{kind.__name__} instance"
    if not isinstance(kind.__init__, types.FunctionType):
        return f"{kind.__name__}()"
    return f"{kind.__name__}({', '.join(_arguments(value))})"


def _arguments(value: Any) -> list[str]:
    """The arguments that differ from their defaults, as far as they are kept as attributes."""
    held = vars(value)
    given: list[str] = []
    by_keyword = False
    for name, parameter in list(inspect.signature(type(value).__init__).parameters.items())[1:]:
        names = (name, f"_{name}", name.replace("distribution", "dist"))
        found = next((held[n] for n in names if n in held), parameter.empty)
        if found is parameter.empty or found is parameter.default or name == "validate_args":
            by_keyword = True
            continue
        by_keyword |= parameter.kind is parameter.KEYWORD_ONLY
        given.append(f"{name}={_text(found)}" if by_keyword else _text(found))
    return given

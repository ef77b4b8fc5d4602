"""Whether the code of a function mentions a number, told without running it."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def mentions(function: Callable[..., Any], number: float) -> bool:
    """Whether the code of a function, or of one that it calls by name, mentions a number."""
    return any(type(found) in (int, float) and found == number for found in _numbers_in(function, {}, set()))


def _numbers_in(function: Any, known: Mapping[str, Any], seen: set[int]) -> Iterator[Any]:
    """The constants of a function, and of the functions and values it names. known: the names that code can see."""
    code, known = getattr(function, "__code__", function), getattr(function, "__globals__", known)
    if not isinstance(code, types.CodeType) or id(code) in seen:
        return
    seen.add(id(code))
    for value in (*code.co_consts, *(known[name] for name in code.co_names if name in known)):
        if isinstance(value, types.CodeType | types.FunctionType):
            yield from _numbers_in(value, known, seen)
        else:
            yield from value if isinstance(value, tuple | list | set | frozenset) else (value,)

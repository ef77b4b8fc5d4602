"""Whether a function reads an argument that it takes, told by its code without running it."""

from __future__ import annotations

import dis
from collections.abc import Callable
from typing import Any

LOOKS_AT_ALL = frozenset({"locals", "vars", "eval", "exec"})  # a function that uses these may read any argument


def reads(function: Callable[..., Any], argument: str) -> bool:
    """Whether the code of a function mentions an argument; true where there is no code to look at."""
    code = getattr(function, "__code__", None)
    if code is None or argument not in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        return True
    if LOOKS_AT_ALL & set(code.co_names):
        return True
    return any(
        argument in (step.argval if isinstance(step.argval, tuple) else (step.argval,))
        for step in dis.get_instructions(code)
        if "LOAD" in step.opname
    )

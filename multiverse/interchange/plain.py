"""What a text file can hold of a Python value, and how TOML spells it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

INTEGERS = range(-(2**63), 2**63)  # what every TOML reader must hold: TOML 1.0.0, "Integer"

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LINE = 110  # characters of a list or inline table that stays on one line


def is_plain(value: Any) -> bool:
    """Whether a file gives this value back as it was: numbers, texts, truth values, lists, and dicts by text of these.

    Subclasses are not: a NumPy float comes back as a float, and the key of its universe would change.
    """
    kind = type(value)
    if kind is list:
        return all(map(is_plain, value))
    if kind is dict:
        return all(type(key) is str and is_plain(key) and is_plain(item) for key, item in value.items())
    if kind is int:
        return value in INTEGERS
    if kind is str:
        return not any("\ud800" <= char <= "\udfff" for char in value)  # halves of characters: no UTF-8 for them
    return kind in (bool, float)


def spelled(value: Any) -> str:
    """A plain value on one line of TOML. Different values are spelled differently: 1, 1.0 and true are three."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key(name)} = {spelled(item)}' for name, item in value.items())} }}" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spelled, value))}]"
    return repr(value)


def entry(name: str, value: Any) -> str:
    """`name = value`; a list that is too long for a line gets one line an item."""
    line = f"{key(name)} = {spelled(value)}"
    if len(line) <= _LINE or not isinstance(value, list | tuple):
        return line
    return "\n".join([f"{key(name)} = [", *(f"  {spelled(item)}," for item in value), "]"])


def key(name: str) -> str:
    """A name as a TOML key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """A basic string. What cannot be seen is escaped: a text never breaks a line, or the comment it stands in."""
    whole = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in whole)

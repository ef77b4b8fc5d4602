"""What stands for a Python object that a file could not hold."""

from __future__ import annotations

from typing import NamedTuple


class Unbound(NamedTuple):
    """In place of a value until `values` gives it. text: what the value was, in words."""

    text: str

"""One value as the text of one cell."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

MISSING: Final = "-"
LISTED: Final = 4  # values of a list that are shown


def said(value: Any) -> str:
    """A value in one line: four significant digits, whole seconds, a dash where there is nothing."""
    if is_missing(value):
        return MISSING
    if is_number(value):
        number = float(value)
        return str(int(value)) if number.is_integer() and abs(number) < 1e15 else f"{number:.4g}"
    if isinstance(value, bool) or _kind(value) == "b":
        return str(value).lower()  # as SQL writes it
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if hasattr(value, "tolist") and hasattr(value, "ndim"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        more = ", ..." if len(value) > LISTED else ""
        return f"[{', '.join(map(said, value[:LISTED]))}{more}]"
    return " ".join(str(value).split())


def is_missing(value: Any) -> bool:
    """Whether SQL would say NULL."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    floating = isinstance(value, float) or _kind(value) == "f"
    return floating and math.isnan(float(value))


def is_number(value: Any) -> bool:
    """Whether a cell holds a number: bools are words."""
    if isinstance(value, bool) or is_missing(value):
        return False
    return isinstance(value, int | float) or _kind(value) in ("i", "u", "f")


def _kind(value: Any) -> str:
    """The kind of a NumPy number's dtype; empty for everything else."""
    return str(value.dtype.kind) if hasattr(value, "dtype") and value.ndim == 0 else ""

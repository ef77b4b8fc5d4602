"""Values as JSON, for programs: standard JSON, so that what is not a number is null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click


def echo_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """The value with what JSON knows: NaN, infinities and NA become null, dates text, arrays lists."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        return None if text == "NaT" else text
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return plain(value.tolist())
    text = str(value)
    return None if text == "<NA>" else text


def number(value: Decimal) -> int | float:
    """An integer where it is one, as what SQL sums up (HUGEINT) is; else the nearest float."""
    return int(value) if value == value.to_integral_value() else float(value)

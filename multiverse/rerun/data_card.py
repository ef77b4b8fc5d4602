"""Prepared data as plain data: each array with its shape and range, and the first rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

FIRST = 5  # rows that are shown
LONGEST = 60  # characters of an option's value


class ArrayCard(NamedTuple):
    """One array, or one number, of a prepared data set. first: its first values, flattened."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    least: float | None
    mean: float | None
    most: float | None
    first: list[Any]


def data_card(data: Any) -> list[ArrayCard]:
    """A card for each array and number of the data, in order; what is neither is left out."""
    return [_card(name, np.asarray(value)) for name, value in _leaves(data, "") if _is_numeric(value)]


def first_rows(cards: list[ArrayCard]) -> list[list[Any]] | None:
    """The first rows of all columns, where every array is one column of the same table; None otherwise."""
    shapes = {card.shape for card in cards}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        return None
    return [list(row) for row in zip(*(card.first for card in cards), strict=True)]


def value_text(value: Any) -> str:
    """An option's value in one short line: a distribution with its parameters, a function by its name."""
    text = " ".join(_text(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_text(part)}' for key, part in value.items())}}}"
    if callable(value) and hasattr(value, "__name__"):
        return f"{value.__name__}()"
    if hasattr(value, "arg_constraints") and hasattr(value, "support"):
        own = {name: getattr(value, name, None) for name in value.arg_constraints}
    elif " object at 0x" in repr(value):  # an address in memory says nothing
        own = {name: part for name, part in getattr(value, "__dict__", {}).items() if name[0] != "_"}
    else:
        return repr(value)
    said = (f"{name}={np.asarray(part).tolist()}" for name, part in own.items() if part is not None)
    return f"{type(value).__name__}({', '.join(said)})"


def _leaves(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        items = [(f"{path}.{key}" if path else str(key), value) for key, value in data.items()]
    elif isinstance(data, tuple) and hasattr(data, "_fields"):
        items = [(f"{path}.{key}" if path else key, value) for key, value in zip(data._fields, data, strict=True)]
    elif isinstance(data, list | tuple):
        items = [(f"{path}[{i}]", value) for i, value in enumerate(data)]
    else:
        yield path or "data", data
        return
    for name, value in items:
        yield from _leaves(value, name)


def _is_numeric(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (hasattr(value, "dtype") and hasattr(value, "shape"))


def _card(name: str, array: np.ndarray) -> ArrayCard:
    first = array.ravel()[:FIRST].tolist()
    if array.dtype.kind not in "biuf" or not array.size:
        return ArrayCard(name, str(array.dtype), array.shape, None, None, None, first)
    return ArrayCard(
        name, str(array.dtype), array.shape, float(array.min()), float(array.mean()), float(array.max()), first
    )

"""The columns of data of any kind: arrays, tables, dicts, tuples and lists of these; found, and put back changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from multiverse.planning.leaf_path import spoken, step

WIDEST = 1000  # columns of a matrix that are looked at: beyond that it is an image or a kernel, not a table


@dataclass(frozen=True, eq=False)
class Column:
    """One column, or one array of numbers.

    place: the way to it within the data, a key or position a step. path: of the leaf that holds it, as structures
    name leaves. name: how a person would write it, `data['x']`, `data['x'][:, 2]`. values: `(rows,)`, of any dtype.
    within: whether it is a column of a matrix or of a table; empty where it stands by itself.
    """

    place: tuple[Any, ...]
    path: str
    name: str
    values: np.ndarray
    within: Literal["", "matrix", "table"] = ""

    @property
    def title(self) -> str:
        """Its name in the table: the last key; empty where it has none."""
        last = self.place[-1] if self.place else ""
        return last if isinstance(last, str) else ""

    @property
    def is_numeric(self) -> bool:
        """Whether it holds numbers or bools."""
        return self.values.dtype.kind in "biuf"

    @property
    def missing(self) -> np.ndarray:
        """Which values are missing, `(rows,)`: NaN, None, NaT or pandas' NA."""
        if self.values.dtype.kind in "biu":
            return np.zeros(len(self.values), dtype=bool)
        if self.values.dtype.kind == "f":
            return np.asarray(np.isnan(self.values))
        import pandas as pd

        return np.asarray(pd.isna(self.values), dtype=bool)

    @property
    def varies(self) -> bool:
        """Whether two of the values that are there differ."""
        there = self.values[~self.missing]
        return bool(len(there)) and bool(np.any(there != there[0]))


def columns(data: Any) -> list[Column]:
    """All columns in data: one-dimensional arrays of two rows and more, columns of matrices and tables."""
    return list(_walk(data, (), ""))


def _walk(data: Any, place: tuple[Any, ...], path: str) -> Iterator[Column]:
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        for i, name in enumerate(data.columns):
            for column in _one(data.iloc[:, i], (*place, str(name)), f"{path}/{step(str(name))}"):
                yield replace(column, within="table")
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _walk(value, (*place, key), f"{path}/{step(key)}")
    elif isinstance(data, tuple) and hasattr(data, "_fields"):
        for field, value in zip(data._fields, data, strict=True):
            yield from _walk(value, (*place, field), f"{path}/{field}")
    elif isinstance(data, list | tuple) and not _is_flat(data):
        for i, value in enumerate(data):
            yield from _walk(value, (*place, i), f"{path}/{step(i)}")
    elif isinstance(data, list | tuple) or (hasattr(data, "shape") and hasattr(data, "dtype")):
        yield from _one(data, place, path)


def _is_flat(data: list[Any] | tuple[Any, ...]) -> bool:
    return all(isinstance(value, bool | int | float | str | np.generic) or value is None for value in data)


def _one(data: Any, place: tuple[Any, ...], path: str) -> Iterator[Column]:
    array = _array(data)
    if array.ndim == 1 and len(array) > 1:
        yield Column(place, path, spoken(path), array)
    elif array.ndim == 2 and len(array) > 1 and array.shape[1] <= WIDEST and array.dtype.kind in "biuf":
        for i in range(array.shape[1]):
            yield Column((*place, i), path, f"{spoken(path)}[:, {i}]", array[:, i], "matrix")


def _array(data: Any) -> np.ndarray:
    kind = getattr(getattr(data, "dtype", None), "kind", "O")
    if hasattr(data, "to_numpy") and hasattr(data.dtype, "na_value") and kind in "biuf":
        return np.asarray(data.to_numpy(dtype=np.float64, na_value=np.nan))  # a nullable column of pandas
    array = np.asarray(data)
    return array if array.dtype.kind in "biufO" else array.astype(object)


def with_column(data: Any, place: tuple[Any, ...], values: np.ndarray) -> Any:
    """A copy of data in which the column at a place has other values; the rest is shared.

    Raises TypeError for data that cannot be rebuilt.
    """
    if not place:
        return _like(data, values)
    head, rest = place[0], place[1:]
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        table = data.copy()
        at = [str(name) for name in data.columns].index(head)
        table.isetitem(at, _like(data.iloc[:, at], values))
        return table
    if isinstance(data, Mapping):
        return {**data, head: with_column(data[head], rest, values)}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(
            *(with_column(v, rest, values) if n == head else v for n, v in zip(data._fields, data, strict=True))
        )
    if isinstance(data, list | tuple):
        return type(data)(with_column(v, rest, values) if i == head else v for i, v in enumerate(data))
    if hasattr(data, "shape") and len(data.shape) == 2:
        matrix = np.array(data)
        matrix[:, head] = values
        return matrix
    raise TypeError(f"a {type(data).__name__} has no column {head!r}")


def _like(data: Any, values: np.ndarray) -> Any:
    if hasattr(data, "iloc"):
        import pandas as pd

        return pd.Series(values, index=data.index, name=data.name)
    return type(data)(values.tolist()) if isinstance(data, list | tuple) else values

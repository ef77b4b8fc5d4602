"""Prepared data made fit for a model: pandas columns and lists of numbers as arrays, and what no model could use."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.structure import beyond_32_bits, too_large

SOME_ROWS = "at least one row after preprocessing"


class Tidied(NamedTuple):
    """Data in which every array is a NumPy array that nobody can change in place, and what is wrong with them."""

    data: Any
    problems: list[Problem]


def tidy(data: Any, path: str = "data") -> Tidied:
    """The data with tables as dicts of columns, and columns and lists of numbers as arrays.

    path: what to call the data in messages. NumPy's own integers and bools become Python's: they are structure.
    """
    if isinstance(data, np.integer | np.bool_):
        return Tidied(data.item(), [])
    if isinstance(data, Mapping):
        return _dict({key: tidy(value, f"{path}[{key!r}]") for key, value in data.items()})
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return _table(data, path)
    if isinstance(data, list | tuple) and all(isinstance(x, bool | int | float | np.generic) for x in data):
        return _array(np.asarray(data), path)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        parts = _dict({key: tidy(value, f"{path}.{key}") for key, value in zip(data._fields, data, strict=True)})
        return Tidied(type(data)(**parts.data), parts.problems)
    if isinstance(data, list | tuple):
        items = [tidy(value, f"{path}[{i}]") for i, value in enumerate(data)]
        return Tidied(type(data)(item.data for item in items), [p for item in items for p in item.problems])
    if hasattr(data, "dtype") and hasattr(data, "shape"):
        return _array(data, path)
    if isinstance(data, float) and not np.isfinite(data):
        return Tidied(data, [_not_finite(path, np.asarray(data))])
    return Tidied(data, [])


def empty_as_one(problems: list[Problem]) -> list[Problem]:
    """The problems, where several empty arrays are one: whoever drops all rows empties every column."""
    empty = [problem for problem in problems if problem.expected == SOME_ROWS]
    if len(empty) < 2:
        return problems
    names = ", ".join(problem.what.partition(" is empty")[0] for problem in empty)
    one = empty[0]._replace(what=f"no rows are left: {names} are empty.")
    return [one, *(problem for problem in problems if problem not in empty)]


def _dict(parts: Mapping[Any, Tidied]) -> Tidied:
    return Tidied(
        {key: part.data for key, part in parts.items()}, [p for part in parts.values() for p in part.problems]
    )


def _table(table: Any, path: str) -> Tidied:
    names = [str(name) for name in table.columns]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        return Tidied(
            table,
            [
                Problem(
                    f"{path} has several columns named {twins[0]!r}.",
                    "columns with different names: the model takes them by name",
                    f"rename one in prepare, or keep the first: `{path} = {path}.loc[:, ~{path}.columns.duplicated()]`",
                )
            ],
        )
    return _dict({name: tidy(table.iloc[:, i], f"{path}[{name!r}]") for i, name in enumerate(names)})


def _array(data: Any, path: str) -> Tidied:
    array = _numbers(data)
    problem = _unfit(data, array, path)
    if problem is not None or array is None:
        return Tidied(data, [problem] if problem else [])
    own = np.array(array)  # a copy, which no other step holds
    own.flags.writeable = False  # an estimand that changed it in place would change it for the next universe
    return Tidied(own, [])


def _unfit(data: Any, array: np.ndarray | None, path: str) -> Problem | None:
    if array is None:
        return _not_numbers(data, path)
    if array.size == 0:
        return Problem(
            f"{path} is empty: it has shape {array.shape}.", SOME_ROWS, "loosen the option that drops the rows"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return _not_finite(path, array)
    if array.dtype.kind in "iu" and beyond_32_bits(array):
        return too_large(f"{path} holds integers", array)
    return None


def _numbers(data: Any) -> np.ndarray | None:
    """The data as an array of numbers or bools; None where they are something else."""
    try:
        # A nullable column of pandas with gaps is an array of objects: ask for floats, with NaN in the gaps.
        if hasattr(data, "to_numpy") and hasattr(data.dtype, "na_value") and getattr(data.dtype, "kind", "O") in "biuf":
            array = data.to_numpy(dtype=np.float64, na_value=np.nan) if data.isna().any() else np.asarray(data)
        else:
            array = np.asarray(data)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind in "biuf" else None


def _not_numbers(data: Any, path: str) -> Problem:
    dtype = str(data.dtype)
    column = f"table{path[path.rindex('[') :]}" if path.endswith("]") else "column"
    if "datetime" in dtype or "timedelta" in dtype or "period" in dtype:
        shown, mend = "dates or times", f"count days in prepare, as in `({column} - {column}.min()).dt.days`"
    elif "complex" in dtype:
        shown, mend = "complex numbers", f"give the model `{column}.real` and `{column}.imag`"
    else:
        shown = "text" if dtype.startswith("str") or dtype[:2] in ("<U", "|S") else f"values of dtype {dtype}"
        mend = f"encode it in prepare, `codes, names = pd.factorize({column})`, or leave it out of what prepare returns"
    other = "real ones" if "complex" in dtype else "numbers"
    return Problem(f"{path} holds {shown}{_example(data)}, not {other}.", "an array of numbers or bools", mend)


def _example(data: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = np.asarray(data, dtype=object).reshape(-1)
    strange = next((v for v in values if not isinstance(v, int | float)), None)
    return f" ({strange!r}, ...)" if isinstance(strange, str) else ""


def _not_finite(path: str, array: np.ndarray) -> Problem:
    flat = array.reshape(-1)
    bad = ~np.isfinite(flat)
    words = [word for word, found in (("NaN", np.isnan(flat)), ("infinite", np.isinf(flat))) if found.any()]
    count = f"{int(bad.sum())} of its {flat.size} values" if array.ndim else "its value"
    at = tuple(map(int, np.unravel_index(int(bad.argmax()), array.shape)))
    first = "" if not at else f", first in row {at[0]}" if len(at) == 1 else f", first at {at}"
    column = path[path.rindex("[") + 1 : -1] if path.endswith("]") else "'y'"
    if np.isnan(flat).any():
        mend = f"drop these rows in prepare, `table.dropna(subset=[{column}])`, or fill them: either is a decision"
    else:
        mend = "look for a log of zero or a division by zero in prepare: how to treat these rows is a decision"
    return Problem(f"{path} is {' or '.join(words)} in {count}{first}.", "finite numbers", mend)

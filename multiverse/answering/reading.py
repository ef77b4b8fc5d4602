"""A file as raw data: read as its ending says, and given the form and the types of the study's own raw data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from multiverse.errors import Problem, ResultError, near_miss

ENDINGS: Final = (".csv", ".npz", ".parquet", ".json")
READER: Final = "def read(path): ..."  # what a study file may hold for files of other kinds


def read_data(path: str | Path, like: Any) -> Any:
    """The raw data in a file, as a study takes them.

    like: the study's own raw data. A table (csv, parquet) for a study of a table; its columns as arrays for one of a
    dict of arrays; npz and json by name; for a study of one array, the only column or array there is. Columns and
    arrays get the types of the study's own, so that whole numbers may stand for floats, and texts for categories.
    Raises ResultError with all that does not fit: no such file, another ending, names or values that are missing.
    """
    found = _read(Path(path).expanduser())
    if hasattr(like, "iloc"):
        return _table(found, like, str(path))
    if isinstance(like, Mapping):
        return _mapping(found, like, str(path))
    if hasattr(like, "dtype") and hasattr(like, "shape"):
        return _array(found, like, str(path))
    raise ResultError(
        Problem(
            f"{path} cannot be made like the raw data of the study, which are a {type(like).__name__}.",
            "a study of a table, a dict of arrays or an array",
            f"write `{READER}` beside `study` in the study file: it gives raw data as the study's `data` are",
        )
    )


def _read(path: Path) -> dict[str, Any] | Any:
    """A DataFrame, or a dict of arrays and other values."""
    if path.suffix not in ENDINGS:
        raise ResultError(
            Problem(
                f"{path} does not end as data do that can be read.",
                f"one of {', '.join(ENDINGS)}",
                f"save it as one of these, or write `{READER}` beside `study` in the study file",
            )
        )
    if not path.is_file():
        beside = [p.name for p in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
        raise ResultError(
            Problem(f"there is no file {path}.", "a file of data", f"{near_miss(path.name, beside)}Name a file")
        )
    try:
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                return {name: arrays[name] for name in arrays.files}
        if path.suffix == ".json":
            return json.loads(path.read_text())
        import pandas as pd

        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        what = f"{path} cannot be read: {str(error).strip() or type(error).__name__}"
        raise ResultError(Problem(what, f"a whole {path.suffix} file", "write it again")) from error


def _table(found: Any, like: Any, path: str) -> Any:
    import pandas as pd

    table = found if hasattr(found, "iloc") else pd.DataFrame(found)
    _complete(path, table.columns, like.columns)
    table, problems = table[[*like.columns]].copy(), []
    for name in like.columns:
        own = like[name]
        known = own.cat.categories if isinstance(own.dtype, pd.CategoricalDtype) else None
        if known is not None and (strange := sorted(set(map(str, table[name].dropna())) - set(map(str, known)))):
            what = f"{path}: {', '.join(map(repr, strange[:3]))} in {name!r} is no category of the study's own data"
            told = (
                f"one of {', '.join(repr(str(category)) for category in known[:5])}{', ...' if len(known) > 5 else ''}"
            )
            problems.append(
                Problem(f"{what}.", told, "leave these rows out, or train a network on data that have them")
            )
            continue
        try:
            table[name] = table[name].astype(own.dtype)
        except (ValueError, TypeError) as error:
            problems.append(_another_type(path, name, own.dtype, error))
    if problems:
        raise ResultError(problems)
    return table


def _mapping(found: Any, like: Mapping[str, Any], path: str) -> dict[str, Any]:
    given = {name: found[name] for name in found} if not isinstance(found, list) else {}
    _complete(path, given, like)
    return {name: _like(given[name], own, path, name) for name, own in like.items()}


def _array(found: Any, like: Any, path: str) -> Any:
    if not isinstance(found, list) and hasattr(found, "keys") and len(like.shape) == 2 and hasattr(found, "iloc"):
        return _like(found.to_numpy(), like, path, "the table")
    parts = {"": found} if isinstance(found, list) else {name: found[name] for name in found}
    if len(parts) != 1:
        what = f"{path} holds {len(parts)} columns or arrays ({', '.join(map(str, parts))})"
        raise ResultError(Problem(f"{what}.", "one: the study's raw data are one array", "keep the one that is meant"))
    ((name, values),) = parts.items()
    return _like(values, like, path, str(name))


def _like(values: Any, own: Any, path: str, name: str) -> Any:
    """Values as those of the study are: an array of the same type, or whatever else it is."""
    if not (hasattr(own, "dtype") and hasattr(own, "shape")) and not isinstance(own, list | float):
        return values.item() if isinstance(values, np.ndarray) and values.ndim == 0 else values
    try:
        dtype = float if isinstance(own, float) else np.asarray(own).dtype
        array = np.asarray(values).astype(
            dtype, casting="unsafe" if np.asarray(values).dtype.kind != "f" else "same_kind"
        )
    except (ValueError, TypeError) as error:
        raise ResultError(_another_type(path, name, np.asarray(own).dtype, error)) from error
    if isinstance(own, float):
        return float(array)
    return array.tolist() if isinstance(own, list) else array


def _complete(path: str, given: Any, wanted: Any) -> None:
    if missing := [str(name) for name in wanted if name not in given]:
        close = "".join(near_miss(name, map(str, given)) for name in missing[:1])
        what = f"{path} lacks {', '.join(map(repr, missing))}"
        raise ResultError(Problem(f"{what}.", ", ".join(map(str, wanted)), f"{close}Name them as the study's data do"))


def _another_type(path: str, name: str, dtype: Any, error: Exception) -> Problem:
    what = f"{path}: {name!r} cannot be made {dtype}, as the study's own is: {str(error).partition(chr(10))[0]}"
    return Problem(f"{what}.", f"values of type {dtype}", "mend these values")

"""Arrays of draws as two columns of a part: the numbers in a row, and their shape."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from multiverse.errors import Problem, StoreError
from multiverse.store.parquet import DRAWS

SHAPE: Final = "shape:"
LONGEST: Final = 2**31 - 1  # numbers in one column of one part: Arrow lists count in 32 bits


def draws_column(name: str) -> str:
    """The column for draws of this name: `draws:site/level`.

    DuckDB takes `draws:site/B` and `draws:site/b` for one column, so a capital is written `^b`, and `^` is `^^`.
    """
    return DRAWS + re.sub(r"[A-Z^]", lambda found: "^" + found[0].lower(), name)


def shape_column(name: str) -> str:
    """The column for their shape, (chain, draw, *site shape): `shape:site/level`. NULL where there are no draws."""
    return SHAPE + draws_column(name).removeprefix(DRAWS)


def names_of(columns: Sequence[str]) -> list[str]:
    """The names of the draws that these columns, of the one sort or the other, hold; each once, in order."""
    escaped = (c.removeprefix(start) for c in columns for start in (DRAWS, SHAPE) if c.startswith(start))
    return list(dict.fromkeys(re.sub(r"\^(.)", lambda found: found[1].upper(), name) for name in escaped))


def encode_draws(name: str, arrays: Sequence[np.ndarray | None]) -> tuple[Any, Any]:
    """The two columns: FLOAT[] or DOUBLE[], row-major, and INTEGER[]; NULL where the array is None.

    float32 stays float32, all other numbers become the narrowest float that holds them. NaN becomes NULL.
    Raises StoreError for an array without axes (chain, draw), without real numbers, or if all are too many.
    """
    floats = [None if array is None else _floats(name, array) for array in arrays]
    flat = [array.ravel() for array in floats if array is not None]
    sizes = np.array([0 if array is None else array.size for array in floats], dtype=np.int64)
    if sizes.sum() > LONGEST:
        raise StoreError(
            Problem(
                f"a batch of {len(arrays)} universes has {sizes.sum():,} draws of {name!r}",
                f"at most {LONGEST:,} in one part of the store",
                "Keep fewer sites (`keep=`), or run smaller batches.",
            )
        )
    numbers = np.concatenate(flat) if flat else np.empty(0, dtype=np.float32)
    # Arrow marks a missing list by a missing offset
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    absent = np.array([array is None for array in floats] + [False])
    lists = pa.ListArray.from_arrays(pa.array(offsets, mask=absent), pa.array(numbers, from_pandas=True))
    shapes = pa.array([None if array is None else list(array.shape) for array in floats], pa.list_(pa.int32()))
    return lists, shapes


def decode_draws(lists: Any, shapes: Any) -> list[np.ndarray | None]:
    """The arrays of `encode_draws`, read-only where Arrow's memory could be used as it is."""
    return [
        None if shape is None else np.asarray(numbers.values.to_numpy(zero_copy_only=False)).reshape(shape)
        for numbers, shape in zip(lists, shapes.to_pylist(), strict=True)
    ]


def _floats(name: str, array: Any) -> np.ndarray:
    given = np.asarray(array)
    if given.ndim < 2:
        raise StoreError(
            Problem(
                f"the draws of {name!r} have shape {given.shape}",
                "axes (chain, draw), and then those of the site",
                "Reshape them: draws of one chain are `x[None, :]`.",
            )
        )
    dtype = np.promote_types(given.dtype, np.float32) if given.dtype.kind in "biuf" else given.dtype
    if dtype not in (np.float32, np.float64):
        raise StoreError(
            Problem(
                f"the draws of {name!r} are of type {given.dtype}",
                "real numbers, in float32 or float64",
                "Convert them with `.astype(np.float64)`; keep real and imaginary parts as two sites.",
            )
        )
    return given.astype(dtype, copy=False)

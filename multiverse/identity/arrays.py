"""Fingerprints of NumPy and JAX arrays: dtype, shape and bytes. A view equals its copy, a JAX array its NumPy twin."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from multiverse.identity.graph import Node, Part
from multiverse.identity.walk import Walk


def arrays(value: Any, walk: Walk) -> Node | None:
    """NumPy arrays and scalars, JAX arrays and random keys."""
    if isinstance(value, np.random.Generator | np.random.RandomState | np.random.BitGenerator):
        if value is np.random.mtrand._rand:  # SciPy's distributions hold it; they need it only to draw
            return Node("installed", [walk.part("numpy.random.mtrand._rand")])
        return walk.refuse(
            f"is a numpy.random.{type(value).__name__}, which gives other numbers each time it is used",
            "pass a seed (an int) and make the generator inside the function: `rng = np.random.default_rng(seed)`",
        )
    if isinstance(value, np.ma.MaskedArray):
        mask, data = np.ma.getmaskarray(value), np.array(np.ma.getdata(value))
        data[mask] = np.zeros((), data.dtype)  # what lies under the mask does not count
        return Node("masked array", [array_node(mask, walk), array_node(data, walk)])
    if isinstance(value, np.ndarray):
        node = array_node(np.asarray(value), walk)
        return node if type(value) is np.ndarray else Node("array of a class", [walk.part(type(value)), node])
    if isinstance(value, np.generic):
        return Node("numpy scalar", [array_node(np.asarray(value), walk)])
    jax = sys.modules.get("jax")
    if jax is None or not isinstance(value, jax.Array):
        return None
    if isinstance(value, jax.core.Tracer):
        return walk.refuse("exists only while JAX traces a function", "pass the value in as an argument")
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return Node("key", [walk.part(str(value.dtype)), array_node(np.asarray(jax.random.key_data(value)), walk)])
    return array_node(np.asarray(value), walk)


def array_node(array: np.ndarray[Any, Any], walk: Walk) -> Node:
    """An array as dtype, shape and content."""
    dtype = array.dtype
    head: list[Part] = [walk.part(dtype.name), walk.part(dtype.str), walk.part(array.shape)]
    if dtype.names is not None:  # field by field: the padding between fields holds whatever was in memory
        return Node("array", [*head, *(Node(n, [array_node(array[n], walk)]) for n in dtype.names)])
    if dtype.kind == "T":
        return Node("array", [*head, texts(array.ravel().tolist(), walk)])
    if dtype.kind == "O":
        return Node("array", [*head, objects(array.ravel().tolist(), walk)])
    if dtype.char in "gG":  # the last bytes of a long double are padding: split it into two exact doubles
        high = array.astype(np.complex128 if dtype.char == "G" else np.float64)
        with np.errstate(invalid="ignore"):
            low = np.where(np.isfinite(high), array - high, 0).astype(high.dtype)
        return Node("array", [*head, array_node(high, walk), array_node(low, walk)])
    return Node("array", [*head, _bytes_digest(array)])


def objects(values: list[Any], walk: Walk) -> Node:
    """The elements of an object array."""
    if values and all(type(v) is str for v in values):
        return texts(values, walk)
    return Node("objects", [walk.part(v, f"[{i}]") for i, v in enumerate(values)])


def texts(values: Iterable[Any], walk: Walk) -> Node:
    """Strings, and whatever stands for a missing one, without a Python object for each."""
    encoded, missing = [], []
    for i, v in enumerate(values):
        if isinstance(v, str):
            encoded.append(v.encode("utf-8", "surrogatepass"))
        else:
            encoded.append(b"")
            missing.append(i)
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return Node("texts", [array_node(lengths, walk), walk.part(b"".join(encoded)), walk.part(missing)])


def _bytes_digest(array: np.ndarray[Any, Any]) -> bytes:
    if not math.prod(array.shape) or not array.dtype.itemsize:
        return b"empty"
    if array.dtype.kind in "fc" and np.isnan(array).any():
        array = _one_nan(array)
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).digest()


def _one_nan(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array with all its NaNs of one bit pattern; 0 / 0 gives another than np.nan."""
    plain = np.array(array, order="C").reshape(-1)
    parts = plain.view(plain.real.dtype)
    parts[np.isnan(parts)] = np.nan
    return plain

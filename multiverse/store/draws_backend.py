"""How xarray asks for draws: by outer indices, and only for what is used. Imports xarray, so import it late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing


class _Draws(BackendArray):
    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], read: Callable[[tuple[Any, ...]], np.ndarray]):
        self.shape, self.dtype, self._read = shape, dtype, read

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)


def lazily(
    shape: tuple[int, ...], dtype: np.dtype[Any], read: Callable[[tuple[Any, ...]], np.ndarray]
) -> indexing.LazilyIndexedArray:
    """An array of this shape for an `xr.Variable`; `read` gets an integer, slice or integer array for each axis."""
    return indexing.LazilyIndexedArray(_Draws(shape, dtype, read))

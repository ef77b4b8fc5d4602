"""Fingerprints of pandas and xarray: labels, dtypes and values, not how they lie in memory."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from multiverse.identity.arrays import array_node, objects, texts
from multiverse.identity.graph import Node
from multiverse.identity.walk import Walk


def tables(value: Any, walk: Walk) -> Node | None:
    """DataFrames, Series, indexes and extension arrays of pandas."""
    pd = sys.modules.get("pandas")
    if pd is None or not hasattr(pd, "DataFrame"):
        return None
    if isinstance(value, pd.DataFrame):
        columns = [column(value.iloc[:, i].array, walk) for i in range(value.shape[1])]
        return Node(
            "DataFrame",
            [
                walk.part(type(value)),
                index(value.columns, walk),
                index(value.index, walk),
                *columns,
                _attrs(value, walk),
            ],
        )
    if isinstance(value, pd.Series):
        name = walk.part(value.name)
        parts = [name, index(value.index, walk), column(value.array, walk), _attrs(value, walk)]
        return Node("Series", [walk.part(type(value)), *parts])
    if isinstance(value, pd.Index):
        return index(value, walk)
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return column(value, walk)
    return None


def index(value: Any, walk: Walk) -> Node:
    """A pandas index by names and labels, level by level; a range equals the labels it counts."""
    levels = [value.get_level_values(i).array for i in range(value.nlevels)]
    return Node("index", [walk.part(list(value.names), "names"), *(column(level, walk) for level in levels)])


def column(array: Any, walk: Walk) -> Node:
    """A pandas array by dtype and values."""
    import pandas as pd

    dtype = array.dtype
    if isinstance(dtype, np.dtype):
        return array_node(np.asarray(array), walk)
    head = walk.part(str(dtype))
    if isinstance(dtype, pd.CategoricalDtype):
        categories = index(dtype.categories, walk)
        return Node("categorical", [categories, walk.part(dtype.ordered), array_node(np.asarray(array.codes), walk)])
    if isinstance(dtype, pd.StringDtype):  # its storage depends on whether pyarrow is installed
        return Node("strings", [head, texts(np.asarray(array, dtype=object).tolist(), walk)])
    missing = np.asarray(array.isna(), dtype=bool)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return Node("times", [head, array_node(array.asi8, walk)])
    if hasattr(dtype, "numpy_dtype") and dtype.numpy_dtype.kind in "biuf":
        filled = array.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return Node("nullable", [head, array_node(missing, walk), array_node(filled, walk)])
    return Node("extension", [head, objects(np.asarray(array, dtype=object).tolist(), walk)])


def labelled(value: Any, walk: Walk) -> Node | None:
    """DataArrays, Datasets, Variables and DataTrees of xarray; values are loaded."""
    xr = sys.modules.get("xarray")
    if xr is None or not hasattr(xr, "Dataset"):
        return None
    if isinstance(value, xr.DataTree):
        return walk.pairs("DataTree", list(value.to_dict().items()), "group {!r}")
    if isinstance(value, xr.Dataset):
        return Node("Dataset", [*_variables(value, walk), _attrs(value, walk)])
    if isinstance(value, xr.DataArray):
        parts = [walk.part(value.name), _variable(value.variable, walk), *_variables(value, walk)]
        return Node("DataArray", parts)
    if isinstance(value, xr.Variable):
        return _variable(value, walk)
    return None


def _variables(value: Any, walk: Walk) -> list[Node]:
    coordinates = [(name, array.variable) for name, array in value.coords.items()]
    groups = [("coordinates", coordinates)]
    if hasattr(value, "data_vars"):
        groups.append(("variables", [(name, array.variable) for name, array in value.data_vars.items()]))
    return [
        Node(tag, [Node("pair", [walk.part(name), _variable(v, walk)]) for name, v in found], ordered=False)
        for tag, found in groups
    ]


def _variable(variable: Any, walk: Walk) -> Node:
    values = array_node(np.asarray(variable.values), walk)
    return Node("Variable", [walk.part(variable.dims), values, _attrs(variable, walk)])


def _attrs(value: Any, walk: Walk) -> Node:
    return walk.pairs("attrs", list(value.attrs.items()), "attrs[{!r}]")

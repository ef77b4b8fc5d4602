"""Deterministic sites with a value for each row: in a padded program they are longer than the universe's own rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multiverse.planning.model_trace import trace_model
from multiverse.planning.padding import Padding
from multiverse.planning.program import Program


def trim_rows(program: Program, keys: Sequence[str], sites: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Draws by site, one array a universe, without the rows that padding added.

    sites: (universe, chain, draw, *site shape). Sites without rows are passed on as they are.
    """
    axes = row_axes(program, keys[0]) if set(sites) & set(program.sites.deterministic) else {}
    trimmed: dict[str, Any] = dict(sites)
    for name in sites.keys() & axes.keys():
        each = zip(sites[name], keys, strict=True)
        trimmed[name] = [without_padding(a, axes[name], program.members[key].rows_kept, before=2) for a, key in each]
    return trimmed


def without_padding(values: np.ndarray, axes: Sequence[int], rows: int, *, before: int) -> np.ndarray:
    """The first `rows` along the row axes of a site. before: how many axes stand before those of the site."""
    index: list[slice] = [slice(None)] * values.ndim
    for axis in axes:
        index[axis + before] = slice(rows)
    return values[tuple(index)]


def row_axes(program: Program, key: str) -> dict[str, tuple[int, ...]]:
    """The axes of each deterministic site that grow with the padding; found by padding by one row more."""
    if program.padding is None or not program.sites.deterministic:
        return {}
    longer = Padding(program.padding.length + 1, program.padding.paths)
    member = program.members[key]
    leaves = program.leaves(key)
    more = longer(program.original[member.prepared].leaves, member.rows_kept)
    shapes = trace_model(program.signature, leaves).sites.deterministic
    grown = trace_model(program.signature, leaves | {p: a for p, a in more.items() if p in leaves}).sites.deterministic
    return {
        name: tuple(i for i, (a, b) in enumerate(zip(shape, grown[name], strict=True)) if a != b)
        for name, shape in shapes.items()
        if shape != grown[name]
    }

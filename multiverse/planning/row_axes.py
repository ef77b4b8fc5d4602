"""Deterministic sites with a value for each row: inside a padded program they are longer than the universe's own rows."""

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
    kept = [program.members[key].rows_kept for key in keys]
    trimmed: dict[str, Any] = dict(sites)
    for name in sites.keys() & axes.keys():
        axis = axes[name] + 2  # of one universe: (chain, draw, *site shape)
        trimmed[name] = [np.take(values, range(n), axis=axis) for values, n in zip(sites[name], kept, strict=True)]
    return trimmed


def row_axes(program: Program, key: str) -> dict[str, int]:
    """The axis of each deterministic site that grows with the padding; found by padding by one row more."""
    if program.padding is None or not program.sites.deterministic:
        return {}
    longer = Padding(program.padding.length + 1, program.padding.paths)
    member = program.members[key]
    leaves = program.leaves(key)
    more = longer(program.original[member.prepared].leaves, member.rows_kept)
    shapes = trace_model(program.signature, leaves).sites.deterministic
    grown = trace_model(program.signature, leaves | {p: a for p, a in more.items() if p in leaves}).sites.deterministic
    return {
        name: next(i for i, (a, b) in enumerate(zip(shape, grown[name], strict=True)) if a != b)
        for name, shape in shapes.items()
        if shape != grown[name]
    }

"""Rows that fall into groups, as a network is told them: each group, and estimates of all together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from multiverse.engines.amortized.estimates import FAR, estimate
from multiverse.engines.amortized.layout import Layout
from multiverse.planning.simulate import OBSERVED, Seen

GROUPS_SCALE: Final = 5.0  # log of some 150 groups


class Grouped(NamedTuple):
    """numbers: of all groups together, (n,). rows: of each, (group, r). kept: 1 where a group has rows, (group,)."""

    numbers: Any
    rows: Any
    kept: Any


def grouped(
    layout: Layout, constants: Mapping[str, Any], place: int, leaves: Mapping[str, Any], seen: Mapping[str, Seen]
) -> Grouped:
    """What rows of one universe of the program at this place say, where `layout.groups`. Traceable."""
    import jax.numpy as jnp

    def standard(path: str, value: Any) -> Any:
        named = f"row/{place}/{path}"
        apart = value.astype(jnp.float32) - constants[f"{named}/middle"]
        if path.startswith(OBSERVED) and not jnp.issubdtype(value.dtype, jnp.floating):  # counts: nearer to straight
            return jnp.arcsinh(apart / constants[f"{named}/near"]).reshape(len(value), -1)
        return (apart / constants[f"{named}/far"]).reshape(len(value), -1)

    ones = jnp.ones((layout.rows, 1), jnp.float32)
    beside = [jnp.clip(standard(path, leaves[path]), -FAR, FAR) for path, _ in layout.covariates[place]]
    columns = jnp.concatenate([ones, *beside], axis=1)
    index = layout.index[place]
    group = leaves[index].astype(jnp.int32) if index else jnp.arange(layout.rows)
    numbers, rows, kept = [], [], jnp.zeros(layout.groups, jnp.float32)
    for path, size in layout.columns[place]:
        if not path.startswith(OBSERVED):
            continue
        one = seen[path.removeprefix(OBSERVED)]
        mask = one.mask.reshape(*one.mask.shape, *(1,) * (one.value.ndim - one.mask.ndim))
        here = jnp.broadcast_to(mask, one.value.shape).reshape(layout.rows, size).astype(jnp.float32)
        y = standard(path, one.value)
        for column in range(size):
            plain, robust = estimate(y[:, column], columns, here[:, column], group, layout.groups)
            numbers += [plain.numbers, robust.numbers]
            rows.append(jnp.concatenate([plain.told, plain.columns[:, 1:]], axis=1))
            kept = jnp.maximum(kept, (plain.size > 0).astype(jnp.float32))
    together = [*numbers, jnp.log1p(kept.sum())[None] / GROUPS_SCALE]
    return Grouped(jnp.concatenate(together), jnp.concatenate(rows, axis=1), kept)

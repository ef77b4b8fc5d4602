"""What the network is told of a universe and its data, as numbers of about standard size.

Context: which program, the numbers of its options, the design of its data where that varies. Data: as they are where
there are few of them and their place means something, else row by row, for a summary that does not depend on the order
of rows. And what whitening found, which says much of what the data say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from multiverse.engines.amortized.grouped import Grouped
from multiverse.engines.amortized.layout import Layout
from multiverse.engines.amortized.network import Inputs
from multiverse.engines.amortized.own_scales import DATA, LATENTS, Own, powers, told
from multiverse.engines.amortized.whitening import Spread, White
from multiverse.planning.simulate import OBSERVED, Seen

BOUND: Final = 20.0  # of any number told: one in a simulation of 1e8 must not rule a batch


def context(layout: Layout, constants: Mapping[str, Any], place: int, leaves: Mapping[str, Any]) -> Any:
    """The numbers of a universe that say nothing of its data: its program, its design, its options. Traceable."""
    import jax.numpy as jnp

    parts: list[Any] = [jnp.zeros(0, jnp.float32)]
    if layout.programs > 1:
        parts.append(jnp.eye(layout.programs, dtype=jnp.float32)[place])
    for kind, paths in (("design", layout.design), ("option", layout.options)):
        for path, size in paths:
            if path not in leaves:
                parts.append(jnp.zeros(size, jnp.float32))
                continue
            low, high, by_log = (constants[f"{kind}/{path}/{end}"] for end in ("low", "high", "log"))
            parts.append(_between(leaves[path].reshape(-1).astype(jnp.float32), low, high, by_log > 0))
    return _bounded(jnp.concatenate(parts))


def own_of(layout: Layout, constants: Mapping[str, Any], place: int, leaves: Mapping[str, Any]) -> Own:
    """Where the prior of a universe puts its latents, and its data where they are told one by one. Traceable."""
    terms = powers(context(layout, constants, place, leaves), sum(size for _, size in layout.options))
    spread = Spread(*told(LATENTS, constants, terms, (layout.dimension,)))
    return Own(spread, {name: told(f"{DATA}/{name}", constants, terms, shape) for name, shape in layout.sites})


def encode(
    layout: Layout,
    constants: Mapping[str, Any],
    place: int,
    leaves: Mapping[str, Any],
    seen: Mapping[str, Seen],
    own: Own,
    white: White,
    groups: Grouped | None = None,
) -> Inputs:
    """What the network sees of one universe of the program at this place: no leading axis. Traceable.

    groups: what the rows say, where these fall into groups.
    """
    import jax.numpy as jnp

    parts: list[Any] = [context(layout, constants, place, leaves)]
    for name, _ in layout.sites:
        mask = _full(seen[name])
        near, far = _told(constants, f"data/{name}", seen[name].value)
        middle, scale = own.data[name]
        by_own = jnp.arcsinh((seen[name].value.astype(jnp.float32) - middle) / scale)
        parts += [jnp.where(mask, number, 0.0) for number in (near, far, by_own)] + [mask]
    for name in layout.moments:
        parts.append(_moments(constants, f"row/{place}/{OBSERVED}{name}", seen[name]))
    if layout.whitened:
        parts += [
            jnp.arcsinh((white.centre - own.spread.centre) / own.spread.scale),
            -jnp.log(jnp.abs(jnp.diag(white.precise)) * own.spread.scale),
        ]
    if groups is not None:
        most = max(layout.told_of_groups(other) for other in range(layout.programs))
        parts.append(jnp.pad(groups.numbers, (0, most - len(groups.numbers))))
    plain = _bounded(jnp.concatenate([jnp.ravel(part).astype(jnp.float32) for part in parts]))
    if not len(plain):
        plain = jnp.zeros(1, jnp.float32)
    if not layout.rows:
        return Inputs(plain)
    if groups is not None:
        rows = _bounded(jnp.pad(groups.rows, ((0, 0), (0, layout.row - groups.rows.shape[1]))))
        return Inputs(plain, rows, groups.kept)
    return _with_rows(plain, layout, constants, place, leaves, seen)


def _bounded(numbers: Any) -> Any:
    import jax.numpy as jnp

    return jnp.clip(jnp.where(jnp.isnan(numbers), 0.0, numbers), -BOUND, BOUND)


def _with_rows(
    plain: Any,
    layout: Layout,
    constants: Mapping[str, Any],
    place: int,
    leaves: Mapping[str, Any],
    seen: Mapping[str, Seen],
) -> Inputs:
    import jax.numpy as jnp

    parts: list[Any] = []
    kept: Any = None
    for path, _ in layout.columns[place]:
        named = f"row/{place}/{path}"
        if path.startswith(OBSERVED):
            one = seen[path.removeprefix(OBSERVED)]
            near, far = _told(constants, named, one.value)
            here = _full(one).reshape(len(near), -1)
            parts += [near.reshape(len(near), -1) * here, far.reshape(len(near), -1) * here]
            counts = here.max(axis=1)
            kept = counts if kept is None else jnp.maximum(kept, counts)
        else:
            _, far = _told(constants, named, leaves[path])
            parts.append(far.reshape(len(far), -1))
    row = jnp.concatenate(parts, axis=1)
    row = jnp.clip(jnp.where(jnp.isnan(row), 0.0, row), -BOUND, BOUND).astype(jnp.float32)
    missing = layout.rows - len(row), layout.row - row.shape[1]
    return Inputs(
        plain, jnp.pad(row, ((0, missing[0]), (0, missing[1]))), jnp.pad(kept.astype(jnp.float32), (0, missing[0]))
    )


def _told(constants: Mapping[str, Any], name: str, value: Any) -> tuple[Any, Any]:
    """A datum on a fine and a coarse scale, both bent so that far ones stay tellable."""
    import jax.numpy as jnp

    apart = value.astype(jnp.float32) - constants[f"{name}/middle"]
    return jnp.arcsinh(apart / constants[f"{name}/near"]), jnp.arcsinh(apart / constants[f"{name}/far"])


def _moments(constants: Mapping[str, Any], name: str, seen: Seen) -> Any:
    """`MOMENTS` numbers of the values of a site that count: means on both scales, a mean square, and how many."""
    import jax.numpy as jnp

    mask = _full(seen)
    near, far = (jnp.where(mask > 0, told, 0.0) for told in _told(constants, name, seen.value))
    count = jnp.maximum(mask.sum(), 1.0)
    return jnp.stack([near.sum() / count, far.sum() / count, jnp.square(far).sum() / count, jnp.log1p(mask.sum()) / 5])


def _full(seen: Seen) -> Any:
    """The mask of a site in the shape of its value, as numbers."""
    import jax.numpy as jnp

    mask, value = seen.mask, seen.value
    return jnp.broadcast_to(mask.reshape(*mask.shape, *(1,) * (value.ndim - mask.ndim)), value.shape).astype(
        jnp.float32
    )


def _between(values: Any, low: Any, high: Any, by_log: Any) -> Any:
    """Numbers of an option on a scale where those of the space go from -1 to 1."""
    import jax.numpy as jnp

    def bent(x: Any) -> Any:
        return jnp.where(by_log, jnp.log(jnp.where(by_log, jnp.maximum(x, 1e-30), 1.0)), x)

    a, b = bent(low), bent(high)
    return jnp.where(b > a, (2 * bent(values) - a - b) / jnp.where(b > a, b - a, 1.0), 0.0)

"""What the network is told of a universe and its data, as numbers of about standard size.

Context: which program, the numbers of its options, the design of its data where that varies. Data: as they are where
there are few of them and their place means something, else row by row, for a summary that does not depend on the order
of rows. And what whitening found, which says much of what the data say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.family import Family, Opened
from multiverse.engines.amortized.network import Inputs
from multiverse.engines.amortized.own_scales import DATA, LATENTS, Own, fitted, powers, told
from multiverse.engines.amortized.space_of import is_log
from multiverse.engines.amortized.whitening import Spread, White
from multiverse.planning.simulate import OBSERVED, Seen

PLAIN_MAX: Final = 64  # observed numbers that the network is given one by one; more are summarised row by row
DESIGN_MAX: Final = 64  # numbers of the design that are given one by one
OPTION_MAX: Final = 16  # numbers of an option that are
ROW_MAX: Final = 32  # numbers of a row
MOMENTS: Final = 4  # numbers that tell a site whose values are neither few nor in rows
NEAR: Final = 0.1  # quantile of the distance from the median that is the finer of two scales of a datum

Constants = dict[str, np.ndarray]
"""Locations and scales by name: "own/latents/width", "data/SITE/near", "option/PATH/low" and so on."""


@dataclass(frozen=True)
class Layout:
    """Which numbers are told, in which order; the same for all programs of a family.

    programs: how many. options: paths of leaves of options that vary, with their sizes. design: those of the data.
    sites: observed sites with their shapes, where they are told one by one. moments: those that are told by their
    moments alone, as they have other rows than most, or wide ones. rows: how many rows the longest data have, 0 where
    there are none. columns: by program, paths of leaves with a number (or a few) a row, with how many; the
    observed ones first.
    """

    programs: int
    options: tuple[tuple[str, int], ...]
    design: tuple[tuple[str, int], ...]
    sites: tuple[tuple[str, tuple[int, ...]], ...]
    moments: tuple[str, ...]
    rows: int
    columns: tuple[tuple[tuple[str, int], ...], ...]
    dimension: int
    whitened: bool

    @property
    def plain(self) -> int:
        """How many numbers are told beside rows."""
        context = (self.programs if self.programs > 1 else 0) + sum(size for _, size in self.options + self.design)
        data = sum(4 * int(np.prod(shape)) for _, shape in self.sites) + MOMENTS * len(self.moments)
        return max(context + data + (2 * self.dimension if self.whitened else 0), 1)

    @property
    def row(self) -> int:
        """How many numbers a row has."""
        if not self.rows:
            return 0
        return max(sum(2 * size if path.startswith(OBSERVED) else size for path, size in some) for some in self.columns)


def layout_of(family: Family, *, whitened: bool) -> Layout:
    """The layout of a family. whitened: whether what Newton's steps found is told."""
    shapes = [
        {
            path: leaf.shape
            for path, leaf in next(iter(one.program.datasets.values())).items()
            if path not in one.outcome
        }
        for one in family.opened
    ]
    seen = [{path: s for path, s in some.items() if path.startswith(OBSERVED)} for some in shapes]
    few = all(one == seen[0] for one in seen) and sum(int(np.prod(s)) for s in seen[0].values()) <= PLAIN_MAX
    sites = tuple((path.removeprefix(OBSERVED), shape) for path, shape in sorted(seen[0].items())) if few else ()
    columns: tuple[tuple[tuple[str, int], ...], ...] = ((),) * len(seen)
    rows, moments = 0, tuple[str, ...]()
    if not few:  # programs of a family observe sites of the same shapes
        rows = _rows_of(seen[0])
        columns = tuple(_columns(some, rows) if rows else () for some in shapes)
        in_rows = {path for path, _ in columns[0]}
        moments = tuple(path.removeprefix(OBSERVED) for path in sorted(seen[0]) if path not in in_rows)
    return Layout(
        programs=len(family.programs),
        options=_varying([_options(one) for one in family.opened], OPTION_MAX),
        design=_varying([_designs(one) for one in family.opened], DESIGN_MAX) if few else (),
        sites=sites,
        moments=moments,
        rows=rows,
        columns=columns,
        dimension=family.dimension,
        whitened=whitened,
    )


def context_constants(family: Family, layout: Layout) -> Constants:
    """Where options and designs of a family lie."""
    found: Constants = {}
    for kind, paths, collect in (("option", layout.options, _options), ("design", layout.design, _designs)):
        for path, _ in paths:
            values = np.concatenate([_flat(leaf) for one in family.opened for leaf in collect(one).get(path, [])])
            low, high = values.min(axis=0), values.max(axis=0)
            by_log = np.asarray(kind == "option" and is_log(values))
            found |= {f"{kind}/{path}/low": low, f"{kind}/{path}/high": high, f"{kind}/{path}/log": by_log}
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


def data_constants(
    family: Family, layout: Layout, observed: Sequence[Mapping[str, np.ndarray]], terms: Sequence[np.ndarray]
) -> Constants:
    """Middles and scales of data, from simulations.

    observed: by program, values of each observed site, (simulation, *shape). terms: by program, (simulation, term), of
    the universes that these were simulated under (`own_scales.powers`).
    """
    found: Constants = {}
    if layout.sites:
        for name, _ in layout.sites:
            values = np.concatenate([one[name] for one in observed])
            found |= _scales(f"data/{name}", values, axis=0)
            found |= fitted(f"{DATA}/{name}", np.concatenate(terms), values)
    else:
        for number, some in enumerate(layout.columns):
            data = list(family.opened[number].program.datasets.values())
            for path, _ in some:
                if path.startswith(OBSERVED):
                    values = observed[number][path.removeprefix(OBSERVED)]
                    values = values.reshape(-1, *values.shape[2:])
                else:
                    values = np.concatenate([leaves[path].astype(np.float64) for leaves in data])
                found |= _scales(f"row/{number}/{path}", values, axis=0)
            for name in layout.moments:
                found |= _scales(f"row/{number}/{OBSERVED}{name}", observed[number][name].reshape(-1), axis=0)
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


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
) -> Inputs:
    """What the network sees of one universe of the program at this place: no leading axis. Traceable."""
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
    plain = _bounded(jnp.concatenate([jnp.ravel(part).astype(jnp.float32) for part in parts]))
    if not len(plain):
        plain = jnp.zeros(1, jnp.float32)
    if not layout.rows:
        return Inputs(plain)
    return _with_rows(plain, layout, constants, place, leaves, seen)


BOUND: Final = 20.0  # of any number told: one in a simulation of 1e8 must not rule a batch


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


def _scales(name: str, values: np.ndarray, axis: int) -> Constants:
    """Middle, and two scales, of values along an axis; those that are not finite are left out."""
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    middle = np.nan_to_num(np.nanmedian(values, axis=axis))
    apart = np.abs(values - middle)
    far = np.nan_to_num(np.nanquantile(apart, 0.68, axis=axis))  # as far as a standard deviation, where normal
    far = np.where(far > 0, far, np.maximum(np.nan_to_num(np.nanmax(apart, axis=axis)), 1e-6))
    far = np.where(far > 1e-6, far, 1.0)
    near = np.nan_to_num(np.nanquantile(apart, NEAR, axis=axis))
    near = np.where(near > far / 100, near, far / 100)
    return {f"{name}/middle": middle, f"{name}/near": near, f"{name}/far": far}


def _options(opened: Opened) -> dict[str, list[np.ndarray]]:
    """The values of each leaf of options, over the options that members have."""
    program, found = opened.program, dict[str, list[np.ndarray]]()
    for name in program.signature.options:
        for label in {member.universe[name] for member in program.members.values()}:
            for path, leaf in program.choices[name, label].items():
                if path not in program.signature.fixed:
                    found.setdefault(path, []).append(leaf)
    return found


def _designs(opened: Opened) -> dict[str, list[np.ndarray]]:
    """The values of each leaf of the data that the observed values are not made of, over the data sets."""
    found = dict[str, list[np.ndarray]]()
    for leaves in opened.program.datasets.values():
        for path, leaf in leaves.items():
            if not path.startswith(OBSERVED) and path not in opened.outcome:
                found.setdefault(path, []).append(leaf)
    return found


def _varying(by_program: Sequence[Mapping[str, Sequence[np.ndarray]]], most: int) -> tuple[tuple[str, int], ...]:
    """Paths whose values are not all the same, with their sizes; those with too many numbers are left out."""
    together: dict[str, list[np.ndarray]] = {}
    for one in by_program:
        for path, values in one.items():
            together.setdefault(path, []).extend(values)
    return tuple(
        (path, values[0].size)
        for path, values in sorted(together.items())
        if values[0].size <= most
        and len({value.shape for value in values}) == 1
        and not all(np.array_equal(value, values[0]) for value in values)
    )


def _flat(leaf: np.ndarray) -> np.ndarray:
    return leaf.reshape(1, -1).astype(np.float64)


def _rows_of(seen: Mapping[str, tuple[int, ...]]) -> int:
    """How many rows the observed sites have: the longest of their first axes. 0 where none has rows of few numbers."""
    return max((shape[0] for shape in seen.values() if shape and int(np.prod(shape[1:])) <= ROW_MAX), default=0)


def _columns(shapes: Mapping[str, tuple[int, ...]], rows: int) -> tuple[tuple[str, int], ...]:
    """Leaves with numbers for each row, the observed ones first, with how many; not those with too many."""
    found = [
        (path, int(np.prod(shape[1:])))
        for path, shape in sorted(shapes.items(), key=lambda item: (not item[0].startswith(OBSERVED), item[0]))
        if shape and shape[0] == rows and int(np.prod(shape[1:])) <= ROW_MAX
    ]
    return tuple(found)

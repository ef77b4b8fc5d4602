"""Draws as xarray, read from the parts only where they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multiverse.engines.outcome import DrawsName
from multiverse.errors import Problem, ResultError, near_miss
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store, Table
from multiverse.store.draws_columns import SHAPE, decode_draws, draws_column, names_of, shape_column
from multiverse.store.parquet import DRAWS
from multiverse.store.row_scan import scan_rows

if TYPE_CHECKING:
    import xarray as xr

_DIMS: Final = ("universe", "chain", "draw")


class _Place(NamedTuple):
    """Where the attempt that counts is kept, and the shape of each of its arrays of draws."""

    batch: str
    attempt: int
    shapes: Mapping[str, tuple[int, ...]]


def draws_names(store: Store, run: str) -> tuple[str, ...]:
    """The names of all draws kept of a run, such as `estimand/effect`; sorted."""
    rows = _counted(store, run, None, None)
    found = zip(rows.column_names, rows.columns, strict=True)
    return tuple(sorted(names_of([name for name, column in found if column.null_count < rows.num_rows])))


def universe_data(store: Store, run: str, key: str) -> dict[str, np.ndarray]:
    """All kept draws of one universe: name (see `DrawsName`) -> (chain, draw, *site shape).

    Of the attempt that counts; empty where a red universe has none. Raises ResultError if the run has not answered it.
    """
    (place,) = _places(store, run, [key], [])
    part = store.get("part", place.batch, lambda column: column in COLUMNS or column.startswith((DRAWS, SHAPE)))
    row = part.slice(_rows(part, run)[key, place.attempt], 1)
    columns = ((name, row[draws_column(name)], row[shape_column(name)]) for name in names_of(row.column_names))
    return {name: array for name, *pair in columns if (array := decode_draws(*pair)[0]) is not None}


def open_draws(store: Store, run: str, names: Sequence[str], keys: Sequence[str]) -> xr.Dataset:
    """The named draws of these universes, read when their values are asked for: one part at a time, one column each.

    A variable for each name, dims (universe, chain, draw, *site dims); coordinate `universe` = key, in the order given.
    The variable is called as the estimand or site is; `estimand_slope` and `site_slope` if both kinds have the name.
    Site dims are called as ArviZ does: `level_dim_0`. A universe without draws (red) is NaN, and so is what one has
    less of chains or draws than others, which other engines have answered.
    Raises ResultError for unknown names or keys, and where a site has different shapes.
    """
    import xarray as xr

    from multiverse.store.draws_backend import lazily

    places = _places(store, run, keys, names)
    shapes = {name: _shape(store, run, name, places) for name in names}
    shared = Counter(DrawsName.parse(name).name for name in names)
    variables = {}
    for name, shape in shapes.items():
        kind, bare = DrawsName.parse(name)
        called = f"{kind}_{bare}" if shared[bare] > 1 else bare
        dims = (*_DIMS, *(f"{called}_dim_{axis}" for axis in range(len(shape) - 2)))
        reader = _Reader(store, run, name, tuple(keys), tuple(places), shape, _dtype(store, name, places))
        lazy = lazily((len(keys), *shape), reader.dtype, reader.read)
        variables[called] = xr.Variable(dims, lazy, {"name": name})
    return xr.Dataset(variables, coords={"universe": np.array(list(keys), dtype=object)})


@dataclass(frozen=True)
class _Reader:
    """Reads one array of draws of many universes from the parts that hold them."""

    store: Store
    run: str
    name: str
    keys: tuple[str, ...]
    places: tuple[_Place, ...]
    shape: tuple[int, ...]  # of one universe
    dtype: np.dtype[Any]

    def read(self, at: tuple[Any, ...]) -> np.ndarray:
        """What this outer index (an integer, slice or array of integers an axis) selects."""
        chosen = np.arange(len(self.keys))[at[0]]
        values = self._universes(np.atleast_1d(chosen).tolist())
        for axis in range(len(self.shape), 0, -1):  # the last axis first, as an integer removes its own
            values = values[(slice(None),) * axis + (at[axis],)]
        return values if chosen.ndim else values[0]

    def _universes(self, chosen: list[int]) -> np.ndarray:
        values = np.full((len(chosen), *self.shape), np.nan, dtype=self.dtype)
        by_batch: dict[str, list[int]] = {}
        for to, universe in enumerate(chosen):
            if self.name in self.places[universe].shapes:
                by_batch.setdefault(self.places[universe].batch, []).append(to)
        columns = ["run", "key", "attempt", draws_column(self.name), shape_column(self.name)]
        for batch, positions in by_batch.items():
            part = self.store.get("part", batch, columns)
            rows = _rows(part, self.run)
            taken = part.take([rows[self.keys[chosen[to]], self.places[chosen[to]].attempt] for to in positions])
            arrays = decode_draws(taken[columns[-2]], taken[columns[-1]])
            for to, array in zip(positions, arrays, strict=True):
                if array is not None:
                    values[(to, slice(array.shape[0]), slice(array.shape[1]))] = array
        return values


def _counted(store: Store, run: str, keys: Sequence[str] | None, names: Sequence[str] | None) -> Table:
    """The attempts that count of this run (of these universes), with the shapes of their draws (of these names)."""
    shapes = None if names is None else [shape_column(name) for name in names]
    rows = scan_rows(store, lambda c: c in COLUMNS or (c.startswith(SHAPE) if shapes is None else c in shapes))
    rows = rows.filter(pc.equal(rows["run"], run))
    if keys is not None:
        rows = rows.filter(pc.is_in(rows["key"], pa.array(keys, pa.string())))
    attempts = distinct(rows)
    return attempts.filter(attempts["shown"])


def _places(store: Store, run: str, keys: Sequence[str], names: Sequence[str]) -> list[_Place]:
    """Where the attempts that count are kept, in the order of the keys; with the shapes of these draws."""
    rows = _counted(store, run, keys, names)
    found = [name for name in names if shape_column(name) in rows.column_names]
    columns = [rows["key"], rows["batch"], rows["attempt"], *(rows[shape_column(name)] for name in found)]
    places = {
        key: _Place(batch, attempt, {n: tuple(s) for n, s in zip(found, shapes, strict=True) if s is not None})
        for key, batch, attempt, *shapes in zip(*(column.to_pylist() for column in columns), strict=True)
    }
    if missing := [key for key in keys if key not in places]:
        answered = _counted(store, run, None, []).num_rows
        listed = ", ".join(map(repr, missing[:3])) + (", ..." if len(missing) > 3 else "")
        raise ResultError(
            Problem(
                f"run {run!r} has no answer for {len(missing)} of the universes asked for: {listed}",
                f"keys among the {answered} universes it has answered",
                "`select key from universes` lists them.",
            )
        )
    return [places[key] for key in keys]


def _shape(store: Store, run: str, name: str, places: Sequence[_Place]) -> tuple[int, ...]:
    """The shape, (chain, draw, *site shape), into which these draws of each universe fit."""
    shapes = Counter(place.shapes[name] for place in places if name in place.shapes)
    if len({shape[2:] for shape in shapes}) == 1:
        chains, draws = (max(shape[axis] for shape in shapes) for axis in (0, 1))
        return chains, draws, *next(iter(shapes))[2:]
    if shapes:
        raise ResultError(
            Problem(
                f"universes of run {run!r} have draws of {name!r} in {len(shapes)} shapes: "
                + ", ".join(f"{shape} in {count}" for shape, count in shapes.most_common(3)),
                "one shape (chain, draw, ...), to stand in one array",
                "Ask for universes of one shape, or open one at a time: `universe_data(store, run, key)`.",
            )
        )
    kept = draws_names(store, run)
    raise ResultError(
        Problem(
            f"no draws named {name!r} were kept of these universes in run {run!r}",
            f"one of {', '.join(map(repr, kept))}" if kept else "a run that keeps draws; this one has none",
            f"{near_miss(name, kept)}Draws of sites are kept by a run with keep= naming them.",
        )
    )


def _dtype(store: Store, name: str, places: Sequence[_Place]) -> np.dtype[Any]:
    """The precision of these draws: an engine has one, and its draws have one shape, so one part of each tells it."""
    batches = {place.shapes[name]: place.batch for place in places if name in place.shapes}
    columns = (store.get("part", batch, [draws_column(name)]).schema.field(0).type for batch in batches.values())
    return np.result_type(*(np.dtype(column.value_type.to_pandas_dtype()) for column in columns))


def _rows(part: Table, run: str) -> dict[tuple[str, int], int]:
    """(key, attempt) -> row of a part."""
    named = zip(*(part[name].to_pylist() for name in ("run", "key", "attempt")), strict=True)
    return {(key, attempt): row for row, (of, key, attempt) in enumerate(named) if of == run}

"""The kept draws of a run as whole arrays, gathered from its parts one column at a time; memory stays bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from multiverse.engines.outcome import DrawsName
from multiverse.export.tables import RunTable, safe, unlike
from multiverse.progress import Advance
from multiverse.store.contract import Store
from multiverse.store.draws_columns import SHAPE, decode_draws, draws_column, names_of, shape_column
from multiverse.store.row_scan import scan_rows

SPOOL_BYTES: Final = (
    256 * 2**20
)  # of one array of draws held in memory; a larger one is gathered in a file beside `out`
CHUNK_BYTES: Final = (
    4 * 2**20
)  # of one chunk of an archive: small enough to read one universe, large enough to compress


@dataclass(frozen=True)
class DrawsArray:
    """All draws of one name in a run.

    kind, name: as in `DrawsName`; variable: what it is called in the archive. dims: universe, chain, draw, and those of
    the site. shape: of the whole, (universe, chain, draw, ...), as large as the largest. shapes: of each universe that
    has draws, by its position. dtype: float32 or float64.
    """

    kind: str
    name: str
    variable: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    shapes: Mapping[int, tuple[int, ...]]
    dtype: np.dtype[Any]

    @property
    def ragged(self) -> bool:
        """Whether universes have draws of different shapes, so that some end in NaN."""
        return len(set(self.shapes.values())) > 1

    @property
    def chunk(self) -> int:
        """Universes in a chunk."""
        each = max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize)
        return max(1, min(self.shape[0], CHUNK_BYTES // each))

    @property
    def blocks(self) -> list[slice]:
        """The universes, chunk by chunk."""
        return [slice(at, min(at + self.chunk, self.shape[0])) for at in range(0, self.shape[0], self.chunk)]


def draws_arrays(store: Store, table: RunTable) -> list[DrawsArray]:
    """What draws there are of a run, by name; of the attempts that the table shows."""
    columns = ("run", "key", "batch", "attempt")
    rows = scan_rows(store, lambda column: column in columns or column.startswith(SHAPE))
    if not rows.num_rows:
        return []
    rows = rows.filter(pc.equal(rows["run"], table.run))
    position = {key: i for i, key in enumerate(table.keys)}
    who = [rows[name].to_pylist() for name in columns[1:]]
    shown = [
        position[key] if key in position and table.at.get(key) == (batch, attempt) else None
        for key, batch, attempt in zip(*who, strict=True)
    ]
    found: list[tuple[DrawsName, dict[int, tuple[int, ...]]]] = []
    for text in sorted(names_of([column for column in rows.column_names if column.startswith(SHAPE)])):
        listed = zip(shown, rows[shape_column(text)].to_pylist(), strict=True)
        shapes = {at: tuple(shape) for at, shape in listed if at is not None and shape is not None}
        if shapes:
            found.append((DrawsName.parse(text), shapes))
    sizes: dict[str, list[int]] = {}  # chains and draws are dimensions of their group: all its arrays have them
    for name, shapes in found:
        widest = [max(shape[axis] for shape in shapes.values()) for axis in (0, 1)]
        sizes[name.kind] = [max(a, b) for a, b in zip(sizes.get(name.kind, [0, 0]), widest, strict=True)]
    return [_array(store, table, name, shapes, sizes[name.kind]) for name, shapes in found]


@contextmanager
def gathered(store: Store, table: RunTable, array: DrawsArray, beside: Path, advance: Advance) -> Iterator[np.ndarray]:
    """The whole array, NaN where a universe has no draws. beside: a file in whose folder a large one is gathered.

    Each part is read once, this column alone. Tells `advance` of each universe.
    """
    size = int(np.prod(array.shape)) * array.dtype.itemsize
    with tempfile.TemporaryDirectory(prefix=".draws-", dir=beside.parent) as folder:
        if size <= SPOOL_BYTES:
            whole = np.empty(array.shape, array.dtype)
        else:
            whole = np.memmap(Path(folder) / "draws", array.dtype, "w+", shape=array.shape)
        for block in array.blocks:
            whole[block] = np.nan
        for batch, positions in _by_batch(table, array).items():
            for at, values in _read(store, table, array, batch, positions):
                whole[at][tuple(slice(0, length) for length in values.shape)] = values
            advance(len(positions))
        yield whole
        del whole


def _array(
    store: Store, table: RunTable, name: DrawsName, shapes: Mapping[int, tuple[int, ...]], sizes: Sequence[int]
) -> DrawsArray:
    own = [max(shape[axis] for shape in shapes.values()) for axis in range(2, len(next(iter(shapes.values()))))]
    variable = unlike(safe(name.name), {"universe", "chain", "draw", "estimand"})
    dims = ("universe", "chain", "draw", *(f"{variable}_dim_{axis}" for axis in range(len(own))))
    some = table.at[table.keys[next(iter(shapes))]][0]
    column = store.get("part", some, [draws_column(str(name))]).schema.field(0).type
    dtype = np.dtype(column.value_type.to_pandas_dtype())
    return DrawsArray(name.kind, name.name, variable, dims, (len(table.keys), *sizes, *own), dict(shapes), dtype)


def _by_batch(table: RunTable, array: DrawsArray) -> dict[str, list[int]]:
    batches: dict[str, list[int]] = {}
    for at in array.shapes:
        batches.setdefault(table.at[table.keys[at]][0], []).append(at)
    return batches


def _read(
    store: Store, table: RunTable, array: DrawsArray, batch: str, positions: Sequence[int]
) -> Iterator[tuple[int, np.ndarray]]:
    name = str(DrawsName(array.kind, array.name))
    part = store.get("part", batch, ["run", "key", "attempt", draws_column(name), shape_column(name)])
    who = enumerate(zip(*(part[column].to_pylist() for column in ("run", "key", "attempt")), strict=True))
    rows = {(key, attempt): row for row, (run, key, attempt) in who if run == table.run}
    keys = [table.keys[at] for at in positions]
    taken = part.take([rows[key, table.at[key][1]] for key in keys])
    for at, values in zip(positions, decode_draws(taken[draws_column(name)], taken[shape_column(name)]), strict=True):
        if values is not None:
            yield at, values

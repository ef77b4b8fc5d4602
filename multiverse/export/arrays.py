"""netCDF and zarr archives: groups of labelled arrays, with the draws streamed into them chunk by chunk."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from multiverse.engines.outcome import DENSITY, ESTIMAND, SITE
from multiverse.export.draws import DrawsArray, draws_arrays, gathered
from multiverse.export.place import Kind, required
from multiverse.export.tables import RUNS, RunTable, root, run_tables, shared_tables
from multiverse.progress import Progress
from multiverse.store.contract import Store
from multiverse.store.views import open_views

if TYPE_CHECKING:
    import xarray as xr

COMPRESSION: Final = 1  # of gzip, 1 to 9: random floats hardly compress, and more costs minutes

# Kind of draws -> its group. Not called as the kinds: a group inherits the coordinate `estimand` of its run.
GROUPS: Final = {ESTIMAND: "estimands", SITE: "sites", DENSITY: "densities"}

Attributes = Mapping[str, str]


class Archive(ABC):
    """A file of arrays that is being written."""

    @abstractmethod
    def table(self, group: str, dataset: xr.Dataset) -> None:
        """Write a small dataset as a group; the empty group is the archive itself."""

    @abstractmethod
    def array(self, group: str, array: DrawsArray, attributes: Attributes) -> Any:
        """Make an array in a group that is there, to be filled by slices of its first axis."""

    @abstractmethod
    def close(self) -> None:
        """Write what is still to be written."""


def write_arrays(store: Store, place: Path, kind: Kind, *, draws: bool, progress: Progress) -> None:
    """Write all of a store into a new archive at `place`. Raises ResultError where a package is missing."""
    import xarray as xr

    archive = NetCDF(place) if kind is Kind.netcdf else Zarr(place)
    with closing(archive):
        with closing(open_views(store)) as con:
            archive.table("", xr.Dataset(attrs=root(store)))
            for group, dataset in shared_tables(con):
                archive.table(group, dataset)
            runs = list(run_tables(store, con))
        for run in runs:
            archive.table(f"{RUNS}/{run.group}", run.dataset)
            archive.table(f"{RUNS}/{run.group}/attempts", run.attempts)
            if draws:
                _write_draws(archive, store, run, place, progress)


def _write_draws(archive: Archive, store: Store, run: RunTable, place: Path, progress: Progress) -> None:
    arrays = draws_arrays(store, run)
    for kind in dict.fromkeys(array.kind for array in arrays):
        archive.table(_group(run, kind), _lengths(run, [array for array in arrays if array.kind == kind]))
    total = sum(len(array.shapes) for array in arrays)
    with progress(f"writing the draws of run {run.run!r}", total, "arrays") as advance:
        for array in arrays:
            target = archive.array(_group(run, array.kind), array, {"name": f"{array.kind}/{array.name}"})
            with gathered(store, run, array, place, advance) as whole:
                for block in array.blocks:
                    target[block] = whole[block]


def _group(run: RunTable, kind: str) -> str:
    return f"{RUNS}/{run.group}/draws/{GROUPS[kind]}"


def _lengths(run: RunTable, arrays: list[DrawsArray]) -> xr.Dataset:
    """The keys, and for draws whose shapes differ between universes how long each axis is there."""
    import xarray as xr

    variables: dict[str, Any] = {}
    for array in arrays:
        if array.ragged:
            lengths = np.zeros((len(run.keys), len(array.dims) - 1), np.int64)
            for at, shape in array.shapes.items():
                lengths[at] = shape
            said = f"lengths of the axes of {array.variable}, without NaN behind: {', '.join(array.dims[1:])}"
            variables[f"{array.variable}_lengths"] = (
                ("universe", f"{array.variable}_axis"),
                lengths,
                {"long_name": said},
            )
    return xr.Dataset(variables, {"universe": run.dataset["universe"].variable})


class NetCDF(Archive):
    """A netCDF4 file."""

    def __init__(self, path: Path):
        self._path = path
        self._h5netcdf = required("h5netcdf", Kind.netcdf)
        self._file: Any = None

    def table(self, group: str, dataset: xr.Dataset) -> None:
        """Write a small dataset as a group."""
        self.close()
        dataset.to_netcdf(self._path, mode="a" if self._path.exists() else "w", group=group or None, engine="h5netcdf")

    def array(self, group: str, array: DrawsArray, attributes: Attributes) -> Any:
        """Make a compressed array in a group that is there."""
        self._file = self._file or self._h5netcdf.File(self._path, "a")
        within = self._file[group]
        parts = group.split("/")  # a group has the dimensions of those that it stands in
        around = [self._file["/".join(parts[:depth])] for depth in range(1, len(parts) + 1)]
        for dim, size in zip(array.dims, array.shape, strict=True):
            if not any(dim in outer.dimensions for outer in around):
                within.dimensions[dim] = size
        made = within.create_variable(
            array.variable,
            array.dims,
            array.dtype,
            fillvalue=array.dtype.type(np.nan),
            chunks=(array.chunk, *array.shape[1:]),
            compression="gzip",
            compression_opts=COMPRESSION,
            shuffle=True,
        )
        made.attrs.update(attributes)
        return made

    def close(self) -> None:
        """Write what is still to be written."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Zarr(Archive):
    """A zarr store, version 3, in a folder."""

    def __init__(self, path: Path):
        self._path = path
        self._zarr = required("zarr", Kind.zarr)

    def table(self, group: str, dataset: xr.Dataset) -> None:
        """Write a small dataset as a group."""
        with _unwarned():
            dataset.to_zarr(self._path, mode="a", group=group or None, zarr_format=3, consolidated=False)

    def array(self, group: str, array: DrawsArray, attributes: Attributes) -> Any:
        """Make a compressed array in a group that is there."""
        within = self._zarr.open_group(self._path, path=group, mode="a")
        return within.create_array(
            array.variable,
            shape=array.shape,
            chunks=(array.chunk, *array.shape[1:]),
            dtype=array.dtype,
            fill_value=np.nan,
            dimension_names=array.dims,
            attributes=dict(attributes),
        )

    def close(self) -> None:
        """Gather what is said of all arrays in one file: readers look there first."""
        with _unwarned():
            self._zarr.consolidate_metadata(str(self._path))


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without zarr's remarks that text of any length, and metadata in one file, are not in its standard yet."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification.*")
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part.*")
        yield

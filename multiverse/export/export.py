"""A whole store as one archive that needs no multiverse to be read: netCDF, zarr, or a folder of CSV files."""

from __future__ import annotations

from pathlib import Path

from multiverse.export.place import Kind, kind_of, required, unfinished
from multiverse.progress import Progress, bar
from multiverse.store.contract import Store


def export(store: Store, out: str | Path, *, draws: bool = True, progress: Progress = bar) -> Path:
    """Write all runs of a store into one archive; gives its path.

    out: `radon.nc` for netCDF4, `radon.zarr`, or the name of a folder for CSV files. draws: whether the kept draws go
    too. Universes are those of each run's latest plan, in its order. The archive is there whole or not at all.
    Raises ResultError where something is at `out` already, where it cannot be written, or where a package is missing.
    """
    kind, place = kind_of(out), Path(out)
    if kind is not Kind.csv:
        required("h5netcdf" if kind is Kind.netcdf else "zarr", kind)
    with unfinished(place) as hidden:
        if kind is Kind.csv:
            from multiverse.export.csv_folder import write_csv

            write_csv(store, hidden, draws=draws, progress=progress)
        else:
            from multiverse.export.arrays import write_arrays

            write_arrays(store, hidden, kind, draws=draws, progress=progress)
    return place

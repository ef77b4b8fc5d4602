"""Where an archive goes, and its kind: told by its name, and never over something that is there."""

from __future__ import annotations

import importlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from multiverse.errors import Problem, ResultError


class Kind(StrEnum):
    """What an archive is; the value is what a person calls it."""

    netcdf = "netCDF"
    zarr = "zarr"
    csv = "CSV"


_SUFFIXES: Final = {".nc": Kind.netcdf, ".nc4": Kind.netcdf, ".zarr": Kind.zarr}
_FILES: Final = frozenset({".csv", ".tsv", ".parquet", ".json", ".h5", ".hdf5", ".zip", ".xlsx", ".txt", ".db"})


def kind_of(out: str | Path) -> Kind:
    """What is meant by a name: `.nc`, `.zarr`, or a folder for CSV files. Raises ResultError for the name of a file."""
    text, suffix = str(out), Path(out).suffix.lower()
    if suffix in _SUFFIXES and not text.endswith("/"):
        return _SUFFIXES[suffix]
    if suffix in _FILES and not text.endswith("/"):
        folder = str(Path(out).with_suffix("")) + "-csv"
        raise ResultError(
            Problem(
                f"an archive cannot be called {text!r}.",
                "a name that ends in .nc (netCDF4) or .zarr, or that of a folder, for CSV files",
                f"write {str(Path(out).with_suffix('.nc'))!r}, or {folder!r} for a folder of CSV files",
            )
        )
    return Kind.csv


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """A place beside `out` to write to, which becomes `out` when all went well, and is removed when not.

    Raises ResultError where something is at `out` already, or where nothing can be written there.
    """
    if out.exists():
        raise ResultError(
            Problem(
                f"there is something at {out} already.",
                "a new name: an archive overwrites nothing",
                f"name another place, or remove it first: rm -r '{out}'",
            )
        )
    place = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield place
            place.rename(out)
        finally:
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)
    except OSError as error:
        raise ResultError(
            Problem(
                f"the archive {out} could not be written ({error})",
                "a place that this process may write to, with room on its disk",
                "name another place; the store is as it was",
            )
        ) from error


def required(package: str, kind: Kind) -> Any:
    """A package that this kind of archive needs. Raises ResultError where it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ResultError(
            Problem(
                f"{kind} archives are written by the package {package}, which is not installed.",
                "the packages for archives",
                'pip install "multiverse[archive]", or write CSV files: they need no package',
            )
        ) from error


def size_text(out: Path) -> str:
    """How large an archive is: `"1.2 MB"`."""
    size = float(sum(p.stat().st_size for p in (out.rglob("*") if out.is_dir() else [out]) if p.is_file()))
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"

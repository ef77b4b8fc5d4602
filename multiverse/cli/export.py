"""`multiverse export`: a whole store as one netCDF or zarr file, or as a folder of CSV files."""

from __future__ import annotations

from pathlib import Path

import click

from multiverse.cli.store_argument import opened_store, shown_path, store_argument

_HELP = """Write the whole of STORE, all its runs, into one archive that needs no multiverse to be read.

OUT is a netCDF4 file (radon.nc), a zarr store (radon.zarr), or a folder for CSV files (any other name), with a README
that explains every column. Nothing that is there is overwritten. STORE is a store's folder or address, or a study
file.

\b
Example:
  multiverse export runs/radon radon.nc
  multiverse export runs/radon radon-csv --no-draws
"""


@click.command(help=_HELP, short_help="Write a whole store as netCDF, zarr or CSV.")
@store_argument
@click.argument("out", metavar="OUT")
@click.option("--draws/--no-draws", default=True, show_default=True, help="Whether the kept draws go too.")
def export(store: str, out: str, draws: bool) -> None:
    """Write a whole store into one archive."""
    from multiverse.export.export import export as write
    from multiverse.export.place import size_text

    place = opened_store(store)
    written = write(place.store, Path(out).expanduser(), draws=draws)
    click.echo(f"wrote {shown_path(written)} ({size_text(written)})")

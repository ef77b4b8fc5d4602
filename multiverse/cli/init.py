"""`multiverse init`: a small study that runs, to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from multiverse.cli.store_argument import shown_path, typed_path
from multiverse.errors import MultiverseError, Problem

TEMPLATE = ("study.py", "sleep.csv", "README.md")

_HELP = """Write a small study into FOLDER (this one by default): study.py, its data, and a README.

The study is Student's own: two drugs, ten patients, hours of sleep. It runs as it is, in about a minute; change it
into yours. Files that are there are never overwritten.

\b
Example:
  multiverse init first
  multiverse run first/study.py
"""


@click.command(help=_HELP, short_help="Write a small study that runs, to start from.")
@click.argument("folder", default=".")
def init(folder: str) -> None:
    """Write the files of the template into a folder."""
    place = Path(folder).expanduser()
    _refuse(place)
    template = files("multiverse") / "template"
    place.mkdir(parents=True, exist_ok=True)
    for name in TEMPLATE:
        with open(place / name, "xb") as file:
            file.write((template / name).read_bytes())
        click.echo(f"wrote {shown_path(place / name)}")
    study = typed_path(place / "study.py")
    click.echo(f"\nNext:\n  multiverse plan {study}\n  multiverse run {study}\n  multiverse curve {study}")


def _refuse(place: Path) -> None:
    """Raises MultiverseError where a file would be overwritten, or the folder is none."""
    if place.exists() and not place.is_dir():
        raise MultiverseError(Problem(f"{place} is a file.", "a folder", "multiverse init first"))
    there = [name for name in TEMPLATE if (place / name).exists()]
    if there:
        raise MultiverseError(
            Problem(
                f"{shown_path(place)} already holds {', '.join(there)}; nothing was written.",
                f"a folder without {', '.join(TEMPLATE)}",
                f"multiverse init {typed_path(place / 'first')}",
            )
        )

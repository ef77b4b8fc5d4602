"""`multiverse space`: the decisions of a study or a file, shown, or written for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from multiverse.cli.store_argument import shown_path, talk_to_stderr
from multiverse.errors import Problem

if TYPE_CHECKING:
    from multiverse.space.space import Space
    from multiverse.study import Study

FORMATS = {".toml": "toml", ".yaml": "astra", ".yml": "astra"}  # by how the name of a file ends

_HELP = """Show the space of a study, or write it for other programs; nothing is planned or run.

PLACE is a study file; or a file of these formats, which is shown, or written in the other: `multiverse.toml` as
multiversum reads it, `astra.yaml` as ASTRA does. Nothing that is there is overwritten.

\b
Example:
  multiverse space study.py                        shows decisions, options, rules
  multiverse space study.py -o astra.yaml          writes it
  multiverse space study.py --to toml              prints it
  multiverse space astra.yaml -o multiverse.toml   from one to the other
"""


@click.command(help=_HELP, short_help="Show a space, or write it as TOML or ASTRA YAML.")
@click.argument("place", metavar="PLACE")
@click.option("--to", "form", type=click.Choice(sorted(set(FORMATS.values()))), help="Print it in this format.")
@click.option("-o", "--output", "out", metavar="FILE", help="Write it to a file that ends in .toml or .yaml.")
def space(place: str, form: str | None, out: str | None) -> None:
    """Show or write the space of a study or a file."""
    from multiverse.space.counted import counted
    from multiverse.study import Study

    told = _told(place)
    found = told.space if isinstance(told, Study) else told
    if out is None:
        click.echo(repr(found) if form is None else _text(told, form), nl=form is None)
        return
    target = Path(out).expanduser()
    text = _text(told, form or _format(target))
    _refuse(target)
    with open(target, "x", encoding="utf-8") as file:
        file.write(text)
    size = f"{counted(found.size, 'universe')} of {counted(len(found.decisions), 'decision')}"
    click.echo(f"wrote {shown_path(target)}: {size}")


def _told(place: str) -> Study | Space:
    """The study of a study file, or the space of another file; values that no file holds are left open."""
    from multiverse.interchange import from_astra, from_toml
    from multiverse.loading import is_study_file, load_study

    form = None if is_study_file(place) else FORMATS.get(Path(place).suffix)
    if form == "toml":
        return from_toml.read(place, None, None, bound=False)
    if form == "astra":
        return from_astra.read(place, None, None, bound=False)
    with talk_to_stderr(True):
        return load_study(place).study


def _text(told: Study | Space, form: str) -> str:
    from multiverse.interchange.to_astra import to_astra
    from multiverse.interchange.to_toml import to_toml
    from multiverse.study import Study

    if form == "astra":
        return to_astra(told)
    return to_toml(told.space if isinstance(told, Study) else told)


def _format(target: Path) -> str:
    """The format that the name of a file means.  Raises SpaceFileError where it means none."""
    from multiverse.interchange.source import SpaceFileError

    if target.suffix in FORMATS:
        return FORMATS[target.suffix]
    raise SpaceFileError(
        Problem(
            f"{shown_path(target)} does not say what it is to be.",
            f"a name that ends in {', '.join(FORMATS)}, or --to",
            f"-o {shown_path(target.with_suffix('.toml'))}",
        )
    )


def _refuse(target: Path) -> None:
    """Raises SpaceFileError where the file is there, or cannot be."""
    from multiverse.interchange.source import SpaceFileError

    if target.exists():
        other = target.with_stem(f"{target.stem}-2")
        raise SpaceFileError(
            Problem(
                f"{shown_path(target)} is there; nothing was written.",
                "a new file",
                f"-o {shown_path(other)}, or remove {shown_path(target)}",
            )
        )
    if not target.parent.is_dir():
        folder = shown_path(target.parent)
        raise SpaceFileError(Problem(f"there is no folder {folder}.", "a folder that is there", f"mkdir -p {folder}"))

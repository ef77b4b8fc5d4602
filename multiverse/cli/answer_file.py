"""The file of `multiverse sql -o`: which format it is to have, where it may lie, and writing it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from multiverse.cli.store_argument import OpenedStore, shown_path

if TYPE_CHECKING:
    from multiverse.store.sql import Answer

TABLE: Final = "table"
SUFFIXES: Final = {".csv": "csv", ".json": "json", ".parquet": "parquet"}


def write_answer(answer: Answer, form: str, file: Path) -> None:
    """The answer as a file, whole or not at all."""
    from multiverse.cli.answer_formats import WRITERS

    columns = len(answer.schema.names)
    unfinished = file.with_name(f"{file.name}.tmp")
    try:
        with unfinished.open("wb") as sink:
            count = WRITERS[form](answer, sink)
        unfinished.replace(file)
    except OSError as error:
        raise click.FileError(str(file), f"{error.strerror or error}; nothing was written") from error
    finally:
        unfinished.unlink(missing_ok=True)
    click.echo(f"wrote {count:,} rows of {columns} columns to {shown_path(file)} ({_size(file)})")


def answer_form(form: str | None, file: Path | None) -> str:
    """The format that is meant. Raises click's error where a file's name says another, or stdout is no place for it."""
    if file is None:
        if form == "parquet" and sys.stdout.isatty():
            raise click.UsageError("Parquet is not for a terminal: name a file, as in -o answer.parquet.")
        return form or TABLE
    ends = SUFFIXES.get(file.suffix.lower())
    if form == TABLE or (form is None and ends is None) or (form and ends and form != ends):
        raise click.UsageError(
            f"{file.name} does not say which format: name a file that ends in {', '.join(SUFFIXES)}"
            + (f", and not --format {form}." if form else ".")
        )
    return form or ends or TABLE


def check_outside(place: OpenedStore, file: Path) -> None:
    """Raises click's error for a file that would lie in the store."""
    from multiverse.store.folder import FolderStore

    if isinstance(place.store, FolderStore) and file.resolve().is_relative_to(place.store.path.resolve()):
        raise click.UsageError(f"{file} lies in the store, which keeps its own files only: name another folder.")


def _size(file: Path) -> str:
    size = file.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"

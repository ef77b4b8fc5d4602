"""Where a command reads: a store's folder, or a study file, whose own store is meant."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def store_argument(command: Command) -> Command:
    """Adds the argument STORE, as text for `store_path`."""
    return click.argument("store", metavar="STORE")(command)


def run_option(command: Command) -> Command:
    """Adds `--run NAME`: which run of the store is read."""
    return click.option("--run", "run_name", metavar="NAME", help="The run to read; the one started last by default.")(
        command
    )


def json_option(command: Command) -> Command:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def store_path(place: str) -> Path:
    """The folder that is meant."""
    from multiverse.loading import is_study_file, load_study

    if not is_study_file(place):
        return Path(place).expanduser()
    with talk_to_stderr(True):
        return load_study(place).store


def talk_to_stderr(quietly: bool) -> AbstractContextManager[Any]:
    """Where a program reads stdout, what a study file prints must not get in between."""
    return redirect_stdout(sys.stderr) if quietly else nullcontext()


def shown_path(path: Path) -> str:
    """A path as a person would type it here: relative when it lies below this folder."""
    here = Path.cwd()
    whole = path.absolute()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def typed_path(path: Path) -> str:
    """The same, to paste into a shell."""
    return shlex.quote(shown_path(path))

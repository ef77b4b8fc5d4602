"""Where a command reads: a store's folder or address, or a study file, whose own store is meant."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import click

if TYPE_CHECKING:
    from multiverse.errors import MultiverseError
    from multiverse.store.contract import Store

Command = TypeVar("Command", bound=Callable[..., Any])
Place: TypeAlias = Path | str
"""A folder, or the text of an address such as `s3://bucket/radon`."""


class OpenedStore(NamedTuple):
    """The store that a person named; shown: as they would type it here; typed: the same, to paste into a shell."""

    store: Store
    shown: str
    typed: str


def store_argument(command: Command) -> Command:
    """Adds the argument STORE, as text for `opened_store`."""
    return click.argument("store", metavar="STORE")(command)


def run_option(command: Command) -> Command:
    """Adds `--run NAME`: which run of the store is read."""
    return click.option("--run", "run_name", metavar="NAME", help="The run to read; the one started last by default.")(
        command
    )


def json_option(command: Command) -> Command:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def opened_store(text: str) -> OpenedStore:
    """The store that STORE names, which must be there. Raises StoreError where it is not."""
    from multiverse.loading import is_study_file
    from multiverse.store.place import open_store

    place = store_place(text)
    if is_study_file(text) and isinstance(place, Path) and not (place.is_dir() and any(place.iterdir())):
        raise _not_run(text, place)
    return OpenedStore(open_store(place, must_exist=True), shown_path(place), typed_path(place))


def store_place(text: str) -> Place:
    """The folder or address that is meant.

    Raises StoreError for memory://, which would be empty when the command begins and gone when it ends.
    """
    from multiverse.loading import is_study_file, load_study

    if is_address(text):
        return _kept(text)
    if not is_study_file(text):
        return Path(text).expanduser()
    with talk_to_stderr(True):
        return load_study(text).store


def is_address(text: str) -> bool:
    """Whether this is an address, such as `s3://bucket/radon`, and no path."""
    return "://" in text


def _not_run(study: str, place: Path) -> MultiverseError:
    """What to say where a study file stands for its store, and nothing was run yet."""
    from multiverse.errors import Problem, StoreError

    return StoreError(
        Problem(
            f"{study} has not been run yet: there is nothing in {shown_path(place)}.",
            "a study whose run has written a store, or another store by its folder or address",
            f"multiverse run {shlex.quote(study)}",
        )
    )


def _kept(address: str) -> str:
    from multiverse.errors import Problem, StoreError

    if address.startswith("memory://"):
        raise StoreError(
            Problem(
                f"{address} lives in the memory of this command, and ends with it",
                "a place that stays: a folder, or an address such as s3://bucket/radon",
                "Name a folder, such as runs/radon; memory:// is for Python, as in mv.run(study, store='memory://x').",
            )
        )
    return address


def talk_to_stderr(quietly: bool) -> AbstractContextManager[Any]:
    """Where a program reads stdout, what a study file prints must not get in between."""
    return redirect_stdout(sys.stderr) if quietly else nullcontext()


def shown_path(place: Place) -> str:
    """A place as a person would type it here: a path is relative when it lies below this folder."""
    if isinstance(place, str):
        return place
    here = Path.cwd()
    whole = place.absolute()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def typed_path(place: Place) -> str:
    """The same, to paste into a shell."""
    return shlex.quote(shown_path(place))

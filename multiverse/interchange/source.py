"""The text of a file that a person names or hands over."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from multiverse.errors import Problem, SpaceError


class SpaceFileError(SpaceError):
    """A file cannot be read as a space, or cannot be written."""


class Source(NamedTuple):
    """A text, what it is called in messages, and the folder that its own paths begin in."""

    text: str
    name: str
    folder: Path


def source(path_or_text: str | Path, kind: str) -> Source:
    """The text of a file; or the text itself, where it is a `str` of more than one line.

    kind: what the file should be, for messages.  Raises SpaceFileError where there is no such file, or it is no text.
    """
    if isinstance(path_or_text, str) and "\n" in path_or_text:
        return Source(path_or_text, "the text", Path())
    path = Path(path_or_text).expanduser()
    try:
        return Source(path.read_text(encoding="utf-8"), path.name, path.parent)
    except FileNotFoundError:
        beside = sorted(p.name for p in path.parent.glob(f"*{path.suffix}")) if path.suffix else []
        there = f"Beside it there is {', '.join(beside[:5])}.  " if beside else ""
        problem = Problem(f"there is no file {path}.", f"{kind}, or its text", f"{there}Name the file as it is called.")
    except IsADirectoryError:
        problem = Problem(f"{path} is a folder.", kind, f"Name the file in it, such as {path / 'astra.yaml'}.")
    except UnicodeDecodeError as error:
        mend = f"Save {path.name} as UTF-8."
        problem = Problem(f"{path} is not UTF-8: byte {error.start} is {error.object[error.start]:#x}.", kind, mend)
    raise SpaceFileError(problem)

"""The lines of a person's own files in a traceback: not those of installed packages, nor of this one."""

from __future__ import annotations

import traceback
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = {"site-packages", "dist-packages"}


def own_lines(error: BaseException, folder: Path) -> str:
    """What was raised, below the lines of files under this folder that led there; indented by four.

    A mistake in the syntax has no such lines: Python itself shows where it is.
    """
    said = "".join(traceback.format_exception_only(error)).rstrip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, folder)]
    lines = [
        f"{_short(frame.filename, folder)}, line {frame.lineno}"
        + ("" if frame.name == "<module>" else f", in {frame.name}")
        + (f"\n    {frame.line}" if frame.line else "")
        for frame in frames
    ]
    return "\n".join("    " + line for part in (*lines, said) for line in part.splitlines())


def call_of(error: BaseException, folder: Path) -> str:
    """The last line of a file under this folder that led to an error, in one line; empty if there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, folder)]
    return f"{_short(frames[-1].filename, folder)}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""


def _is_own(file: str, folder: Path) -> bool:
    path = Path(file)
    if file.startswith("<"):  # the import machinery, and code made on the fly
        return False
    if _INSTALLED & set(path.parts) or path.is_relative_to(_PACKAGE):
        return False
    return path.resolve().is_relative_to(folder)


def _short(file: str, folder: Path) -> str:
    return str(Path(file).resolve().relative_to(folder))

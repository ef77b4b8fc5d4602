"""Imports follow the arrows that docs/architecture.md shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "multiverse"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
EVERYTHING = "everything"


class Import(NamedTuple):
    """One import of a module of ours."""

    file: str  # below multiverse/
    line: int
    module: str

    @property
    def room(self) -> str:
        return _room(self.file)

    @property
    def target(self) -> str:
        """The room that is imported; `__init__` for the package itself."""
        parts = self.module.split(".")
        return parts[1] if len(parts) > 1 else "__init__"

    def __str__(self) -> str:
        return f"multiverse/{self.file}:{self.line} imports {self.module}"


def _room(file: str) -> str:
    return Path(file).parts[0].removesuffix(".py")


def table(header: str) -> list[list[str]]:
    """The rows of the table of the page with this header, a list of cells without backticks."""
    lines = PAGE.splitlines()
    start = lines.index(header) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.split("|")[1:-1]])
    return rows


def may_import() -> dict[str, frozenset[str]]:
    """Room -> the rooms it may import, in the order of the page."""
    rows = table("| room | what it is | may import |")
    allowed = {room.strip("`"): cell for room, _, cell in rows}
    assert len(allowed) == len(rows), "a room is there twice"
    return {
        room: frozenset(allowed) if cell == EVERYTHING else frozenset(re.findall(r"`(\w+)`", cell))
        for room, cell in allowed.items()
    }


def against() -> set[tuple[str, str]]:
    """The imports that the page names as going against the arrows: (file, module)."""
    return {(file.strip("`"), module.strip("`")) for file, module, _ in table("| file | imports | why |")}


def imports() -> list[Import]:
    """Every import of ours, at the top, inside functions and under TYPE_CHECKING alike."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"multiverse/{file}:{node.lineno}: write the whole name of the module"
                # `from multiverse import x` may import a room; `from multiverse.room import x` imports that room.
                whole = [f"multiverse.{name.name}" for name in node.names]
                modules = whole if node.module == "multiverse" else [node.module or ""]
            else:
                continue
            found += [Import(file, node.lineno, m) for m in modules if m.partition(".")[0] == "multiverse"]
    return found


ROOMS = may_import()
IMPORTS = [found for found in imports() if found.room != found.target]


def test_every_room_is_on_the_map() -> None:
    real = {_room(path.relative_to(PACKAGE).as_posix()) for path in PACKAGE.rglob("*.py")}
    assert set(ROOMS) == real
    assert not {name for names in ROOMS.values() for name in names} - real


def test_arrows_point_one_way() -> None:
    """A room imports only rooms above it in the table, so there are no circles."""
    order = list(ROOMS)
    upwards = [
        f"{room} -> {name}"
        for room, names in ROOMS.items()
        if names != frozenset(ROOMS)
        for name in names
        if name not in order[: order.index(room)]
    ]
    assert not upwards


@pytest.mark.parametrize("room", list(ROOMS))
def test_a_room_imports_what_the_map_says(room: str) -> None:
    wrong = [
        str(found)
        for found in IMPORTS
        if found.room == room
        and found.target in ROOMS  # else a plain name of the package, as `__version__`
        and found.target not in ROOMS[room]
        and (found.file, found.module) not in against()
    ]
    assert not wrong, "not on the map of docs/architecture.md:\n" + "\n".join(wrong)


@pytest.mark.parametrize("room", [room for room, names in ROOMS.items() if names != frozenset(ROOMS)])
def test_no_arrow_of_the_map_is_unused(room: str) -> None:
    used = {found.target for found in IMPORTS if found.room == room}
    unused = sorted(ROOMS[room] - used)
    assert not unused, f"{room} does not import {', '.join(unused)}: take it out of the map"


def test_exceptions_are_still_there() -> None:
    assert against() <= {(found.file, found.module) for found in IMPORTS}, "take it out of the table"


def test_only_the_loop_and_the_command_know_an_executor_and_a_store() -> None:
    both = {room for room in ROOMS if {"executors", "store"} <= {f.target for f in IMPORTS if f.room == room}}
    assert both <= {"sweep", "cli", "testing", "__init__"}  # the last is a table of contents


def test_folders_stay_light_to_import() -> None:
    """The `__init__.py` of a folder is empty: names are imported from the file of their concept."""
    full = [str(path) for path in PACKAGE.glob("*/__init__.py") if path.read_text().strip()]
    assert not full

"""docs/adr/0001-dependencies.md gives a reason for each dependency, and the package imports no others."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adr" / "0001-dependencies.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMES = [re.split(r"[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]]
MODULES = {"pyyaml": "yaml", "vl-convert-python": "vl_convert"}  # where they are not the same
OURS = {"multiverse", "IPython", "pytest"}  # IPython only where it is running; pytest in the suites for strangers

EXTRAS = {"ray"}  # imported where an executor on a cluster is asked for
PARTS = {"jaxlib"}  # of a dependency, which pins the version: asked for that version alone


def test_every_dependency_has_a_reason() -> None:
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == sorted(NAMES)


def test_every_import_is_a_dependency() -> None:
    allowed = {MODULES.get(name, name) for name in NAMES} | OURS | EXTRAS | PARTS | sys.stdlib_module_names
    strangers = set()
    for path in (ROOT / "multiverse").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            strangers |= {f"{path.relative_to(ROOT)}: {n}" for n in names if n.partition(".")[0] not in allowed}
    assert not strangers

"""Help: fast since it imports little, and complete."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from multiverse import __version__
from multiverse.cli.exits import EXIT_CODES
from multiverse.cli.main import main

HEAVY = {
    "altair",
    "arviz",
    "duckdb",
    "fsspec",
    "jax",
    "numpy",
    "numpyro",
    "pandas",
    "pyarrow",
    "rich",
    "scipy",
    "xarray",
}
IMPORTED = """
import json, sys
from multiverse.cli.main import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["show", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    process = subprocess.run([sys.executable, "-c", IMPORTED, *words], capture_output=True, text=True, check=True)
    modules = set(json.loads(process.stderr))
    assert not modules & HEAVY
    own = {name for name in modules if name.startswith("multiverse.") and not name.startswith("multiverse.cli")}
    assert own <= {"multiverse.arithmetic", "multiverse.errors"}


def test_help_lists_the_commands_in_the_order_of_the_story(multiverse) -> None:
    answer = multiverse("--help")
    assert answer.exit_code == 0
    story = ["init", "space", "plan", "tree", "run", "status", "sql", "curve", "show", "answer"]
    records = ["compare", "manifest", "rerun", "verify", "check", "export", "compact", "doctor"]
    assert list(main.commands) == [*story, *records]
    listed = answer.stdout.partition("Commands:")[2].partition("Exit codes:")[0].splitlines()
    assert [line.split()[0] for line in listed if line[2:3].isalpha()] == list(main.commands)
    assert " ".join(EXIT_CODES.split()) in " ".join(answer.stdout.split())


@pytest.mark.parametrize("name", main.commands)
def test_each_help_has_an_example_and_says_what_each_option_does(multiverse, name: str) -> None:
    answer = multiverse(name, "--help")
    assert answer.exit_code == 0
    assert f"  multiverse {name}" in answer.stdout.partition("Example:")[2]
    command = main.commands[name]
    assert command.short_help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_version(multiverse) -> None:
    assert multiverse("--version").stdout == f"multiverse {__version__}\n"


def test_a_misspelt_command_is_told_with_its_near_miss(multiverse) -> None:
    answer = multiverse("plam", "study.py")
    assert answer.exit_code == 2
    assert "plan" in answer.stderr


def test_python_dash_m() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "multiverse", "--version"], capture_output=True, text=True, check=True
    )
    assert process.stdout == f"multiverse {__version__}\n"

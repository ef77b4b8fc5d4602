"""Shell scripts are clean in the eyes of shellcheck, which finds what is planted in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = sorted([*DEPLOY.glob("**/*.sh"), *DEPLOY.glob("**/*.sbatch")])
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def lint(text: str) -> str:
    """What shellcheck says about a script."""
    command = [SHELLCHECK, "--shell=bash", "--enable=quote-safe-variables,deprecate-which", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_linter_has_nothing_to_say(script: Path) -> None:
    assert lint(script.read_text()) == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ('rm -rf "$1"/*\necho $1', "SC2086"),
        ("cd /scratch; for f in $(ls *.txt); do :; done", "SC2045"),
        ("if [ x", "SC1073"),
    ],
)
def test_the_linter_finds_a_planted_slip(script: Path, planted: str, rule: str) -> None:
    assert rule in lint(f"{script.read_text()}\n{planted}\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_stops_at_the_first_error(script: Path) -> None:
    lines = script.read_text().splitlines()
    first = next(line for line in lines if line and not line.startswith("#"))
    assert lines[0] == "#!/usr/bin/env bash" and first == "set -euo pipefail"

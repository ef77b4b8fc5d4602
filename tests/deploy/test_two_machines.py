"""The script for machines that one logs in to: the token it needs, and what it tells Ray."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ray.scripts.scripts import start

SCRIPT = Path(__file__).parents[2] / "deploy" / "two-machines" / "ray-node.sh"
START_OPTIONS = {option for parameter in start.params for option in parameter.opts}

RAY = """
echo "$RAY_AUTH_MODE" "$@" >> "$LOG"
if [ "$1" = get-auth-token ]; then mkdir -p "$HOME/.ray"; echo 0123 > "$HOME/.ray/auth_token"; fi
"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with an empty home, and a `ray` that only writes down what it is told."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "ray"
    command.write_text(f"#!/usr/bin/env bash\nset -eu\n{RAY}")
    command.chmod(0o755)
    hidden = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    return hidden | {"HOME": str(tmp_path), "PATH": path, "LOG": str(tmp_path / "log")}


def run(machine: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The script, on that machine."""
    return subprocess.run([SCRIPT, *arguments], env=machine, capture_output=True, text=True, check=False)


def told(machine: dict[str, str]) -> list[str]:
    """What Ray was told, a line a call."""
    log = Path(machine["LOG"])
    return log.read_text().splitlines() if log.exists() else []


def test_the_head_makes_a_token_once(machine: dict[str, str]) -> None:
    for _ in range(2):
        assert run(machine, "--num-cpus=6").returncode == 0
    made, head, again = told(machine)
    assert made == "token get-auth-token --generate"
    assert head == again and head.startswith("token start --head --port=6379 ") and head.endswith("--num-cpus=6")
    token = Path(machine["HOME"], ".ray", "auth_token")
    assert token.stat().st_mode & 0o777 == 0o600


def test_without_the_token_nothing_joins(machine: dict[str, str]) -> None:
    refused = run(machine, "192.0.2.10")
    assert refused.returncode == 1 and "scp " in refused.stderr and told(machine) == []


def test_with_the_token_a_machine_joins(machine: dict[str, str]) -> None:
    token = Path(machine["HOME"], ".ray", "auth_token")
    token.parent.mkdir()
    token.write_text("0123")
    assert run(machine, "192.0.2.10").returncode == 0
    assert run(machine | {"RAY_AUTH_TOKEN": "0123"}, "192.0.2.10").returncode == 0
    joined, with_variable = told(machine)
    assert joined == with_variable and joined.startswith("token start --address=192.0.2.10:6379 ")


def test_ray_knows_the_options_and_no_port_is_taken_twice(machine: dict[str, str]) -> None:
    run(machine)
    options = [word for word in told(machine)[-1].split() if word.startswith("--")]
    assert {word.partition("=")[0] for word in options} <= START_OPTIONS
    ports = [word.partition("=")[2] for word in options if "port" in word]
    assert len(set(ports)) == len(ports) == 9

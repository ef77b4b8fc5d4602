"""A side of Ray's benchmark runs from the command line and tells where its time went."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments" / "benchmarks" / "ray"


@pytest.mark.slow
def test_a_side_answers_all_universes_and_tells_the_sweep_apart(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "side.py", "--side", "local", "--study", "traced", "--count", "10000"],
        cwd=FOLDER,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MULTIVERSE_CACHE": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    run = json.loads(said.splitlines()[-1])
    assert run["green"] == run["planned"] == run["universes"] == 10_000
    assert 0 < run["sweep"] < run["phases"]["answering universes"] < run["run"]

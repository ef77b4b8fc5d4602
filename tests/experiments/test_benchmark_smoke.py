"""The benchmark's own side runs from the command line and tells what it measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments" / "benchmarks" / "thousand_regressions"
ESS_LEAST = 400  # the gate's bulk ESS for four chains; 1,200 draws of these regressions give about 1,450


@pytest.mark.slow
def test_twenty_universes_of_the_benchmark_are_answered_and_mix(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "ours.py", "--scales", "1", "--seeds", "2"],
        cwd=FOLDER,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MULTIVERSE_CACHE": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    timing = json.loads(said.splitlines()[-1])
    assert timing["universes"] == 20
    assert timing["ess"] > ESS_LEAST
    assert timing["each_seconds"] > 0 and timing["each_cpu"] > 0

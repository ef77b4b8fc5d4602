"""`multiverse answer`: files stream through the network, and each is told how it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from multiverse.cli.main import main


def command(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="multiverse")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three data sets: two like the study's, one that is cut short of a column."""
    paths = [tmp_path / name for name in ("monday.csv", "tuesday.csv", "broken.csv")]
    for number, path in enumerate(paths):
        random = np.random.Generator(np.random.Philox(number))
        table = pd.DataFrame({"y": random.normal(0.5, 1.0, 12), "site": list("ab") * 6})
        (table if number < 2 else table[["y"]]).to_csv(path, index=False)
    return paths


def test_files_stream(two_sites: Path, files: list[Path]) -> None:
    told = command("answer", two_sites, *files[:2], "--set", "prior=unit", "--set", "noise=2.2")
    assert told.exit_code == 0, told.output
    assert told.stdout.count("prior = unit, noise = 2.2") == 2
    assert "inside the trained context" in told.stdout
    assert "2 data sets answered by run 'main'" in told.stdout and "ms (median)" in told.stdout


def test_json_and_a_file_that_does_not_fit(two_sites: Path, files: list[Path]) -> None:
    told = command("answer", two_sites, files[0], files[2], "--all", "--json")
    assert told.exit_code == 1
    assert "broken.csv lacks 'site'" in told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    assert len(found["answers"]) == 8 and {answer["data"] for answer in found["answers"]} == {str(files[0])}
    assert all("level" in answer["estimates"] for answer in found["answers"])


def test_a_label_that_is_none_is_told(two_sites: Path, files: list[Path]) -> None:
    told = command("answer", two_sites, files[0], "--set", "prior=wyde")
    assert told.exit_code == 1 and "Did you mean 'wide'" in told.stderr
    assert command("answer", two_sites, files[0], "--set", "prior").exit_code == 2


def test_a_reader_of_the_study_is_used(two_sites: Path, tmp_path: Path) -> None:
    own = tmp_path / "with_reader.py"
    reader = "\n\ndef read(path):\n    return RAW.assign(y=float(np.loadtxt(path)))\n"
    own.write_text(two_sites.read_text() + reader)
    (tmp_path / "level.txt").write_text("0.25")
    told = command("answer", own, tmp_path / "level.txt", "--store", two_sites.parent / "runs" / "two-sites", "--json")
    (answer,) = json.loads(told.stdout)["answers"]
    assert abs(answer["estimates"]["level"]["mean"] - 0.25) < 0.3


def test_a_study_that_was_not_run_is_told_so(tmp_path: Path, two_sites: Path) -> None:
    alone = tmp_path / "alone.py"
    alone.write_text(two_sites.read_text())
    told = command("answer", alone, tmp_path / "new.csv")
    assert told.exit_code == 1 and "multiverse run" in told.stderr

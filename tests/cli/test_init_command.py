"""`multiverse init`: what it writes runs as it is."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

import pytest

from multiverse.cli.init import TEMPLATE
from multiverse.loading import load_study

SLEEP = {  # "Student" 1908, table on page 20: hours gained by each patient
    "1": [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    "2": [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
}


def test_it_writes_the_template_and_says_what_to_type(multiverse, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = multiverse("init", "a first one")
    assert answer.exit_code == 0
    assert sorted(path.name for path in Path("a first one").iterdir()) == sorted(TEMPLATE)
    assert "multiverse plan 'a first one/study.py'" in answer.stdout


def test_it_never_overwrites(multiverse, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text("mine")
    answer = multiverse("init", tmp_path)
    assert answer.exit_code == 1
    assert "already holds study.py; nothing was written" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["study.py"]
    assert (tmp_path / "study.py").read_text() == "mine"
    assert multiverse("init", tmp_path / "study.py").exit_code == 1


def test_the_data_are_those_of_the_paper() -> None:
    rows = list(csv.DictReader((files("multiverse") / "template" / "sleep.csv").read_text().splitlines()))
    for drug, hours in SLEEP.items():
        assert [float(row["extra_hours"]) for row in rows if row["drug"] == drug] == hours
    gains = [two - one for one, two in zip(*SLEEP.values(), strict=True)]
    assert sum(gains) / 10 == pytest.approx(1.58)  # as printed there


def test_its_space_has_all_kinds_and_the_size_that_its_readme_says(multiverse, tmp_path: Path) -> None:
    multiverse("init", tmp_path)
    study = load_study(tmp_path / "study.py").study
    kinds = {decision.kind for decision in study.space.decisions.values()}
    assert kinds == {"preprocessing", "prior", "likelihood", "parameterization"}
    assert f"and {len(study.space)} defensible ways" in (tmp_path / "README.md").read_text()
    assert f"in {len(study.space)} ways" in (tmp_path / "study.py").read_text()


@pytest.mark.slow  # four programs to compile: about half a minute
def test_it_runs_from_end_to_end(multiverse, tmp_path: Path) -> None:
    multiverse("init", tmp_path)
    study = tmp_path / "study.py"
    assert json.loads(multiverse("plan", study, "--no-pilot", "--json").stdout)["universes"] == 24
    ran = multiverse("run", study, "--draws", 300, "--warmup", 300, "--json")
    assert ran.exit_code in (0, 3), ran.output
    assert json.loads(ran.stdout)["answered"] == 24
    drawn = multiverse("curve", study, "effect", "-o", tmp_path / "curve.svg")
    assert drawn.exit_code == 0, drawn.output
    assert multiverse("show", study).exit_code == 0
    found = multiverse(
        "sql", study, "select min(mean) a, max(mean) b from estimates where estimand = 'effect'", "--format", "json"
    )
    (bounds,) = json.loads(found.stdout)
    assert 0.8 < bounds["a"] < bounds["b"] < 2.0  # 1.58 for all ten, 1.24 without patient 9; sd about 0.4

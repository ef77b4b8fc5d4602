"""`multiverse plan` shows what the lint finds, `--strict` fails on it, and `multiverse run` points there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

STUDY = """
import numpy as np

import multiverse as mv


def prepare(raw, *, drop, beyond):
    return raw[np.abs(raw) < (beyond if drop == "outliers" else np.inf)]


def estimate(data, *, form):
    return float(data.mean() if form == "mean" else np.median(data))


study = mv.Study(
    "odd",
    data=np.linspace(-2.0, 3.0, 20),
    prepare=prepare,
    estimate=estimate,
    space=mv.Space(
        drop=mv.preprocessing(nobody="nobody", outliers="outliers"),
        beyond=mv.preprocessing({"1": 1.0, "2": 2.0}),
        form=mv.likelihood(mean="mean", median="median"),
    ),
)
"""
MEND = '.only_when("beyond", {"drop": "outliers"})'


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    file = tmp_path / "odd_study.py"
    file.write_text(STUDY)
    return file


def test_findings_stand_below_the_plan(multiverse, odd: Path) -> None:
    answer = multiverse("plan", odd, "--no-pilot")
    assert answer.exit_code == 0
    plan, _, lint = answer.stdout.partition("\n\nLint of 'odd': 1 finding, on 2 of 8 universes\n")
    assert plan.startswith("Plan of 'odd': 8 universes")
    assert "the decision 'beyond' changes nothing where 'drop' is 'nobody'" in lint
    assert f"mend: `space{MEND}`" in lint
    assert lint.rstrip().endswith(f"Next: multiverse run {odd}")


def test_strict_fails_on_a_finding_and_not_on_the_mended_study(multiverse, odd: Path) -> None:
    answer = multiverse("plan", odd, "--no-pilot", "--strict")
    assert answer.exit_code == 2
    assert "1 finding" in answer.stdout and "Next:" not in answer.stdout
    assert "The lint is not clean, and --strict was given." in answer.stderr
    odd.write_text(STUDY.replace("    ),\n)\n", f"    ){MEND},\n)\n").replace("(beyond if", "((beyond or 0) if"))
    mended = multiverse("plan", odd, "--no-pilot", "--strict")
    assert mended.exit_code == 0
    assert "Lint of 'odd': nothing found in 6 universes" in mended.stdout


def test_strict_still_fails_where_a_universe_cannot_be_answered(multiverse, odd: Path) -> None:
    odd.write_text(STUDY.replace('{"1": 1.0, "2": 2.0}', '{"1": 1.0, "2": "two"}'))
    answer = multiverse("plan", odd, "--no-pilot", "--strict")
    assert answer.exit_code == 2
    assert answer.stdout == "" and "TypeError" in answer.stderr


def test_findings_for_programs(multiverse, odd: Path) -> None:
    answer = multiverse("plan", odd, "--no-pilot", "--json", "--strict")
    assert answer.exit_code == 2
    lint = json.loads(answer.stdout)["lint"]
    (finding,) = lint["findings"]
    assert finding["check"] == "decision without effect under an option"
    assert len(finding["universes"]) == 2 and all(len(key) == 32 for key in finding["universes"])
    assert lint["not_made"] == {} and lint["checked"]


def test_of_a_part_of_the_space_no_more_is_said_than_it_shows(multiverse, odd: Path) -> None:
    answer = multiverse("plan", odd, "--no-pilot", "--design", "one-at-a-time")
    assert "the decision 'beyond' changes nothing in this part of the space: the prepared data" in answer.stdout


def test_a_run_says_in_one_line_that_there_is_something_to_see(multiverse, odd: Path) -> None:
    answer = multiverse("run", odd)
    assert answer.exit_code == 0
    line = f"Lint of 'odd': 1 finding, on 2 of 8 universes. To see it: multiverse plan {odd}"
    assert line in answer.stderr.splitlines()

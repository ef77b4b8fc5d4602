"""`multiverse plan`: what a run would do, and all mistakes at once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest


def test_the_plan_in_words(multiverse, study: Path) -> None:
    answer = multiverse("plan", study, "--no-pilot")
    assert answer.exit_code == 0
    assert "4 universes in 1 program" in answer.stdout
    assert "about" not in answer.stdout
    assert f"Next: multiverse run {study}" in answer.stdout
    assert not (study.parent / "runs").exists()


def test_the_forecast_of_each_engine(multiverse, study: Path) -> None:
    """The engine that runs, with its settings, comes first; the others stand below it."""
    words = multiverse("plan", study)
    assert "; about " in words.stdout
    assert "Forecast: about " in words.stdout and "with the engine 'nuts'" in words.stdout
    header = next(line for line in words.stdout.splitlines() if line.startswith("  engine "))
    assert "can take" in header and "a universe" in header
    told = json.loads(multiverse("plan", study, "--json", "--draws", 5000).stdout)["forecast"]
    first, *others = told["engines"]
    assert (told["engine"], first["engine"], first["universes"]) == ("nuts", "nuts", 4)
    assert told["seconds"] == first["seconds"] and told["workers"] >= 1
    assert "laplace" in {row["engine"] for row in others} and len(told["gradient_seconds"]) == 1
    rows = {row["engine"]: row for row in told["engines"]}
    ours, theirs = rows["amortized"], rows["nuts"]
    before = ours["compile"] + ours["once"] - theirs["compile"] - theirs["once"]
    universes = math.ceil(before / (theirs["universe"] - ours["universe"]))
    assert told["breaks_even"] == {"engine": "amortized", "against": "nuts", "universes": universes}
    (gradient,) = told["gradient_seconds"].values()
    assert first["universe"] == pytest.approx(2 * (50 + 5000) * 14 * (2 * gradient + 1e-6))  # 14 leapfrogs


def test_the_plan_for_programs(multiverse, study: Path) -> None:
    answer = multiverse("plan", study, "--no-pilot", "--json")
    plan = json.loads(answer.stdout)
    assert plan["study"] == "small one"
    assert (plan["universes"], plan["answered"], plan["forecast"]) == (4, 0, None)
    assert [decision["name"] for decision in plan["decisions"]] == ["rows", "prior"]
    assert plan["decisions"][1]["options"][0] == {"label": "weak", "why": None, "plausibility": 2, "reference": True}
    (program,) = plan["programs"]
    assert (program["universes"], program["latents"], program["rows_least"], program["rows_most"]) == (4, 1, 11, 12)


def test_what_a_study_prints_stays_out_of_json(multiverse, study: Path) -> None:
    study.write_text("print('hello')\n" + study.read_text())
    answer = multiverse("plan", study, "--no-pilot", "--json")
    assert json.loads(answer.stdout)["universes"] == 4
    assert "hello" in answer.stderr


def test_all_mistakes_are_listed_without_a_traceback(multiverse, study: Path) -> None:
    text = study.read_text().replace("def model(data, *, prior)", "def model(data, *, priro)")
    study.write_text(text.replace('estimands={"mu": "mu"}', "estimands={}"))
    answer = multiverse("plan", study)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("This study cannot be planned.\n")
    assert "Did you mean 'priro'?" in answer.stderr
    assert "has no estimands" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_mistake_in_the_space_names_the_line(multiverse, study: Path) -> None:
    study.write_text(study.read_text().replace('"weak": dist.Normal(0.0, 10.0), ', '"": dist.Normal(0.0, 10.0), '))
    answer = multiverse("plan", study)
    assert answer.exit_code == 2
    assert "at: small.py, line" in answer.stderr


def test_a_file_that_raises_is_told_without_our_own_lines(multiverse, study: Path) -> None:
    study.write_text("1 / 0\n")
    answer = multiverse("plan", study)
    assert answer.exit_code == 2
    assert answer.stderr.startswith(
        "This study file cannot be loaded.\nsmall.py cannot be loaded:\n    small.py, line 1\n"
    )
    assert "multiverse/" not in answer.stderr


def test_a_store_says_how_many_are_answered(multiverse, answered: Path) -> None:
    answer = multiverse("plan", answered)
    assert answer.exit_code == 0
    assert "4 already answered in" in answer.stdout
    assert "Nothing is left to run" in answer.stdout
    answered.write_text(
        answered.read_text()
        .replace('"tight": dist', '"unit": dist.Normal(0.0, 1.0), "tight": dist')
        .replace('"tight": 1}', '"tight": 1, "unit": 1}')
    )
    wider = multiverse("plan", answered, "--no-pilot", "--store", answered.parent / "runs" / "small-one")
    assert "6 universes" in wider.stdout and "4 already answered" in wider.stdout
    assert "Next: multiverse run" in wider.stdout


def test_a_store_that_is_not_there_or_another_studys(multiverse, answered: Path, tmp_path: Path) -> None:
    answer = multiverse("plan", answered, "--no-pilot", "--store", tmp_path / "new")
    assert "is not there yet" in answer.stdout
    assert not (tmp_path / "new").exists()
    answered.write_text(answered.read_text().replace("np.linspace(-1.0, 2.0, 12)", "np.linspace(-1.0, 3.0, 12)"))
    assert "belongs to another study" in multiverse("plan", answered, "--no-pilot").stdout


def test_an_engine_that_is_not_there(multiverse, study: Path) -> None:
    answer = multiverse("plan", study, "--engine", "nutz")
    assert answer.exit_code == 2
    assert "Did you mean 'nuts'?" in answer.stderr

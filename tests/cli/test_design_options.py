"""`--design` on plan and run: which part of the space, said wherever it is shown; mistakes in the options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

STUDY = """
import multiverse as mv

TENS = {str(i): float(i) for i in range(10)}


def estimate(data, *, a, b, c):
    return data + a * b + c


space = mv.Space(a=mv.prior(TENS), b=mv.prior(TENS), c=mv.likelihood(TENS))
study = mv.Study("tens", data=1.0, estimate=estimate, space=space)
"""
SAMPLE = "the reference and a random sample, seed 0"


@pytest.fixture
def tens(tmp_path: Path) -> Path:
    path = tmp_path / "tens.py"
    path.write_text(STUDY)
    return path


def test_a_part_is_planned_and_run_and_then_a_larger_one(multiverse, tens):
    plan = multiverse("plan", tens, "--universes", 20, "--no-pilot")
    assert f"20 of 1,000 universes ({SAMPLE})" in plan.stdout
    assert f"Next: multiverse run {tens} --universes 20" in plan.stdout
    first = multiverse("run", tens, "--design", "random", "--universes", 20)
    assert "20 universes in" in first.stdout and f"a part of 1,000 universes: {SAMPLE}" in first.stdout
    assert f"20 of 1,000 universes ({SAMPLE})" in first.stderr
    more = multiverse("run", tens, "--universes", 30)
    assert "10 universes in" in more.stdout and "20 were there before" in more.stdout
    status = multiverse("status", tens)
    assert "30 of 30 universes answered" in status.stdout and "a part of 1,000 universes" in status.stdout
    assert "a part of 1,000 universes" in json.loads(multiverse("status", tens, "--json").stdout)["runs"][0]["part"]
    assert multiverse("show", tens, "reference").exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--design", "stratified", "--universes", 12, "--by", "a, c"],
            "12 of 1,000 universes (a random sample spread",
        ),
        (["--design", "one-at-a-time"], "28 of 1,000 universes (those that differ from the reference in one"),
        (["--design", "covering"], "10 of 1,000 universes (a cover of every option,"),
        (["--design", "covering", "--pairs"], " of 1,000 universes (a cover of every pair of options"),
        (["--design", "full"], "Plan of 'tens': 1,000 universes in 1 program"),
        (["--universes", 20, "--design-seed", 3], "and a random sample, seed 3)"),
    ],
)
def test_each_design_has_its_options(multiverse, tens, options, said):
    assert said in multiverse("plan", tens, "--no-pilot", *options).stdout


def test_json_tells_the_part(multiverse, tens):
    told = json.loads(multiverse("plan", tens, "--no-pilot", "--json", "--universes", 5).stdout)
    assert told["universes"] == 5 and told["part"] == {"of": 1000, "taken": SAMPLE, "notes": []}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--design", "rndom"], ["there is no design 'rndom'", "Did you mean 'random'?"]),
        (["--design", "random"], ["'random' needs --universes", "--design random --universes 200"]),
        (["--design", "stratified"], ["2 mistakes", "needs --universes", "needs --by"]),
        (["--universes", 9, "--by", "a"], ["'random' does not take --by"]),
        (["--pairs"], ["'full' does not take --pairs", "name a design that takes it with --design"]),
        (["--design", "stratified", "--universes", 9, "--by", "aa"], ["by 'aa'", "Did you mean 'a'?"]),
    ],
)
def test_mistakes_are_told(multiverse, tens, options, said):
    result = multiverse("plan", tens, "--no-pilot", *options)
    assert result.exit_code == 2
    for words in said:
        assert words in result.stderr

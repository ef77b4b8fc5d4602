"""`multiverse compare` and `multiverse manifest`: two runs of one study file, and what they were made of."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture
def two_runs(multiverse, answered: Path) -> Path:
    """The study file, answered as `main` and, with another seed, as `again`."""
    assert multiverse("run", answered, "--run", "again", "--seed", "1").exit_code == 0
    return answered


def test_two_runs(multiverse, two_runs: Path, tmp_path: Path) -> None:
    answer = multiverse("compare", two_runs, "main", "again", "-o", tmp_path / "apart.csv")
    assert answer.exit_code == 0
    assert "'mu' in run 'again' against run 'main': 4 universes compared, green in both" in answer.stdout
    assert "within 2 combined Monte Carlo errors (chance alone: 95%)" in answer.stdout
    assert "left out: 0 red in 'main' only, 0 red in 'again' only, 0 red in both" in answer.stdout
    assert "settings that differ: seed 0 and 1\n" in answer.stdout
    table = pd.read_csv(tmp_path / "apart.csv")
    assert set(table["prior"]) == {"weak", "tight"} and len(table) == 4
    told = json.loads(multiverse("compare", two_runs, "again", "main", "--json").stdout)
    assert (told["runs"], told["both"], told["compared"]) == (["again", "main"], 4, 4)
    universes = pd.DataFrame(told["universes"]).set_index("key").loc[table["key"]]
    assert universes["difference"].to_numpy() == pytest.approx(-table["difference"].to_numpy())


def test_a_run_that_is_not_there(multiverse, answered: Path) -> None:
    answer = multiverse("compare", answered, "main", "mian")
    assert answer.exit_code == 1 and "has no run 'mian'" in answer.stderr and "Did you mean 'main'?" in answer.stderr
    answer = multiverse("compare", answered, "main", "main", "--estimand", "nu")
    assert answer.exit_code == 1 and "did not estimate 'nu'" in answer.stderr


def test_changes_are_listed(multiverse, two_runs: Path) -> None:
    """A gate that nothing passes makes every universe of the third run red."""
    two_runs.write_text(two_runs.read_text().replace("gate=OPEN", "ladder=(), gate=mv.Gate(ess_per_chain=1e6)"))
    assert multiverse("run", two_runs, "--run", "strict").exit_code == 3
    answer = multiverse("compare", two_runs, "main", "strict")
    assert "0 universes compared" in answer.stdout
    assert "left out: 0 red in 'main' only, 4 red in 'strict' only, 0 red in both" in answer.stdout
    changes = answer.stdout.partition("Another sign, conclusion or colour:\n")[2].splitlines()
    assert len(changes) == 5 and all(line.endswith("red") for line in changes[1:])


def test_the_manifest_in_words(multiverse, answered: Path) -> None:
    answer = multiverse("manifest", answered)
    assert answer.exit_code == 0
    lines = [line.split(maxsplit=1) for line in answer.stdout.splitlines() if line.strip()]
    assert ["python"] not in lines
    for section in ("study", "seed", "settings", "thresholds", "versions", "hardware", "data", "source", "options"):
        assert [section] in lines
    assert ["text", "import numpy as np ... [35 lines: multiverse manifest STORE source]"] in lines
    assert ["rows", "= all                reference, nothing is wrong with any"] in lines


def test_one_value_is_as_it_was(multiverse, answered: Path) -> None:
    text = answered.read_text()
    answered.write_text(f"# changed since\n{text}")
    answer = multiverse("manifest", answered, "source", "text")
    assert answer.stdout.rstrip("\n") == text.rstrip("\n")
    assert "\n    def prepare(raw, *, rows):\n" in multiverse("manifest", answered, "source").stdout


def test_the_manifest_for_programs(multiverse, answered: Path) -> None:
    told = json.loads(multiverse("manifest", answered, "--json").stdout)
    assert told["run"]["name"] == "main" and told["settings"]["draws"] == "50"
    assert told["options"]["prior = weak"] == "reference, plausibility 2"
    assert list(json.loads(multiverse("manifest", answered, "seed", "--json").stdout)) == ["seed"]


def test_an_unknown_section(multiverse, answered: Path) -> None:
    answer = multiverse("manifest", answered, "sorce")
    assert answer.exit_code == 1 and "Did you mean 'source'?" in answer.stderr
    assert "Did you mean 'variable'?" in multiverse("manifest", answered, "source", "varable").stderr


def test_a_new_estimand_says_where_it_came_from(multiverse, answered: Path) -> None:
    twice = '"mu": "mu", "twice": lambda draws: 2 * draws["mu"]'
    answered.write_text(answered.read_text().replace('"mu": "mu"', twice))
    answer = multiverse("run", answered)
    assert answer.exit_code == 0
    assert (
        "Computed 'twice' from kept draws: 4 estimates, without sampling.\nNothing was left to do.\n" in answer.stdout
    )
    query = "select count(*) as n from estimates where estimand = 'twice'"
    assert json.loads(multiverse("sql", answered, query, "--format", "json").stdout) == [{"n": 4}]
    told = json.loads(multiverse("run", answered, "--json").stdout)
    assert told["answered_now"] == 0

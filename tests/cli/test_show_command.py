"""`multiverse show`: one universe, and the Python that runs it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam

from multiverse.rerun.data_card import data_card, first_rows, value_text
from multiverse.rerun.source import recorded_study
from multiverse.store.records import RunRecord
from multiverse.store.synthetic import DIVERGED, RAISED, plan


def test_the_reference_universe_in_words(multiverse, store: Path) -> None:
    answer = multiverse("show", store)
    assert answer.exit_code == 0
    assert f"Universe {plan().universes[0].key}" in answer.stdout
    assert "the reference universe" in answer.stdout and "919 rows kept" in answer.stdout
    assert "Green" in answer.stdout
    assert "all*" in answer.stdout and "(does not apply)" in answer.stdout
    assert "rhat_max 1" in answer.stdout
    assert "mv.load(" in answer.stdout


def test_a_red_one_says_why_and_what_to_do(multiverse, store: Path) -> None:
    key = plan().universes[DIVERGED].key
    answer = multiverse("show", store, key[-32:])
    assert "Red: divergences" in answer.stdout
    assert "12 divergences" in answer.stdout and "Raise target_accept" in answer.stdout
    assert "small counties are noisy" in answer.stdout and "plausibility 0.25" in answer.stdout
    raised = multiverse("show", store, plan().universes[RAISED].key).stdout
    assert "ValueError: no rows" in raised and "Traceback (most recent call last)" in raised


def test_for_programs(multiverse, store: Path) -> None:
    card = json.loads(multiverse("show", store, "--json").stdout)
    assert card["reference"] is True and card["run"] == "main"
    assert [option["label"] for option in card["options"]] == ["all", "normal", None, "weak"]
    assert card["outcome"]["ok"] is True
    assert {row["estimand"] for row in card["outcome"]["estimates"]} == {"effect", "share"}
    assert card["outcome"]["diagnostics"]["divergences"] == 0


def test_what_turns_the_conclusions_of_the_reference_universe(multiverse, store: Path) -> None:
    """Effects of the synthetic store rise by 0.1 a universe from -0.7: the last ones, that differ most, are above."""
    told = multiverse("show", store, "--above", "-0.65", columns=400).stdout
    _, _, flips = told.partition("Fewest changes of option that turn its conclusions")
    assert "effect: median below zero: turned by 2 changes, counties: all → five homes or more; " in flips
    assert "share: median above zero: in all" in flips
    assert "effect: median not above -0.65: turned by 1 change, slope: weak → sceptical" in flips
    cards = json.loads(multiverse("show", store, "--json").stdout)["flips"]
    card = next(c for c in cards if (c["estimand"], c["conclusion"]) == ("effect", "median below zero"))
    assert card["fewest_changes"] == 2
    assert all(len(near["changes"]) == 2 for near in card["nearest"])


def test_how_far_a_universe_is_from_the_reference_universe(multiverse, store: Path) -> None:
    far = plan().universes[-1]
    told = multiverse("show", store, far.key, columns=200).stdout
    assert "4 changes from the reference universe: counties: all → five homes or more; family: normal → student" in told
    card = json.loads(multiverse("show", store, far.key, "--json").stdout)
    assert (card["distance"], len(card["changes"]), card["flips"]) == (4, 4, [])


def test_no_line_but_code_is_wider_than_the_terminal(multiverse, store: Path) -> None:
    told = multiverse("show", store, plan().universes[DIVERGED].key, columns=60).stdout
    assert max(map(len, told.partition("In Python")[0].splitlines())) <= 60


def test_a_key_may_be_a_beginning(multiverse, store: Path) -> None:
    many = multiverse("show", store, "0000")
    assert many.exit_code == 1
    assert "12 universes have a key that begins with '0000'" in many.stderr
    none = multiverse("show", store, "f")
    assert "no universe has a key that begins with 'f'" in none.stderr and "000000000000" in none.stderr


def test_its_prepared_data_and_option_values(multiverse, answered: Path) -> None:
    card = json.loads(multiverse("show", answered, "--json").stdout)
    (array,) = card["data"]
    assert (array["name"], array["shape"], array["least"], array["most"]) == ("y", [12], -1.0, 2.0)
    assert card["first_rows"][0] == [-1.0]
    assert [option["value"] for option in card["options"]] == ["0", "Normal(loc=0.0, scale=10.0)"]
    words = multiverse("show", answered.parent / "runs" / "small-one", "reference", "--study", answered).stdout
    assert "Prepared data" in words and "weak* = Normal(loc=0.0, scale=10.0)" in words


def test_a_study_that_was_never_run(multiverse, study: Path) -> None:
    answer = multiverse("show", study)
    assert answer.exit_code == 0
    assert "Not answered yet" in answer.stdout and "Prepared data" in answer.stdout
    assert "mv.load(" not in answer.stdout


# ArviZ 0.23 announces where a later version will want log likelihoods
@pytest.mark.filterwarnings("ignore:log_likelihood variable found:PendingDeprecationWarning")
def test_the_python_runs_and_gives_the_same_draws(multiverse, answered: Path) -> None:
    key = json.loads(
        multiverse("sql", answered, "select key from universes where not reference limit 1", "--format", "json").stdout
    )[0]["key"]
    code = json.loads(multiverse("show", answered, key, "--json").stdout)["python"]
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["again"].same
    stored = found["results"].draws("mu", keys=[key])["mu"].values
    assert stored.shape == (1, 2, 50)
    np.testing.assert_array_equal(stored[0], found["again"].draws["mu"])


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        ("/usr/bin/multiverse run first/study.py --seed 3", "first/study.py"),
        ("multiverse run --run b radon.py:second", "radon.py:second"),
        ("analysis.py", None),
        ("", None),
    ],
)
def test_the_study_file_of_a_run_is_remembered(argv: str, found: str | None, tmp_path: Path) -> None:
    """Also in stores that are older than the section `source`."""
    sections = {"command": {"argv": argv, "folder": str(tmp_path)}}
    record = RunRecord("main", "id", "plan", 1, datetime.now(UTC), sections)
    assert recorded_study(record) == (found and str(tmp_path / found))


def test_a_run_from_python_names_study_py(multiverse, store: Path) -> None:
    assert ", 'study.py')" in json.loads(multiverse("show", store, "--json").stdout)["python"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ({"file": "/a/radon.py", "variable": "study"}, "/a/radon.py"),
        ({"file": "/a/radon.py", "variable": "second"}, "/a/radon.py:second"),
        ({"written in": "a script", "script": "/a/run.py", "variable": "study"}, None),
    ],
)
def test_a_script_is_not_loaded_again(source: dict[str, str], found: str | None) -> None:
    record = RunRecord("main", "id", "plan", 1, datetime.now(UTC), {"source": source})
    assert recorded_study(record) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        ("drop", "'drop'"),
        (dist.Normal(0, 10), "Normal(loc=0, scale=10)"),
        (np.log, "log()"),
        ({}, "{}"),
        ({"level": LocScaleReparam(0)}, "{level: LocScaleReparam(centered=0, shape_params=[])}"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)
def test_an_options_value_in_one_line(value: object, text: str) -> None:
    assert value_text(value) == text


def test_data_of_any_shape() -> None:
    cards = data_card({"y": np.arange(7), "more": {"n": 3, "m": np.eye(2)}, "pair": (np.array([True, False]), "word")})
    assert [(card.name, card.shape) for card in cards] == [
        ("y", (7,)),
        ("more.n", ()),
        ("more.m", (2, 2)),
        ("pair[0]", (2,)),
    ]
    assert cards[0].first == [0, 1, 2, 3, 4] and cards[0].mean == 3
    assert first_rows(cards) is None
    assert first_rows(data_card({"a": np.arange(9), "b": -np.arange(9)}))[1] == [1, -1]

"""`multiverse rerun`: one universe again, from the study file that the run recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from multiverse.results import load


def test_the_same_draws(multiverse, answered: Path) -> None:
    answer = multiverse("rerun", answered)
    assert answer.exit_code == 0, answer.output
    assert "the reference universe" in answer.stdout and "weak* = Normal(loc=0.0, scale=10.0)" in answer.stdout
    assert "The draws are the same as in the store, to the last bit." in answer.stdout


def test_for_programs(multiverse, answered: Path) -> None:
    store = answered.parent / "runs" / "small-one"
    key = load(store).key("reference")
    told = json.loads(multiverse("rerun", store, key[:8], "--study", answered, "--json").stdout)
    assert told["key"] == key and told["same"] is True and told["changed"] == []
    assert told["settings"]["draws"] == 50 and told["block"] == 8 and len(told["random_words"]) == 2
    assert told["options"]["prior"] == {"label": "weak", "value": "Normal(loc=0.0, scale=10.0)"}
    assert {row["statistic"] for row in told["estimates"]} >= {"mean", "sd"}
    assert told["diagnostics"]["stored"] == told["diagnostics"]["now"]


def test_what_differs_is_said_and_the_exit_code_is_1(multiverse, answered: Path) -> None:
    store = answered.parent / "runs" / "small-one"
    tamper(store)
    answer = multiverse("rerun", answered)
    assert answer.exit_code == 1
    assert "It is not the same as in the store." in answer.stdout and "other draws of estimand/mu" in answer.stdout


def test_a_changed_study_is_refused(multiverse, answered: Path) -> None:
    answered.write_text(answered.read_text().replace("np.linspace(-1.0, 2.0, 12)", "np.linspace(-1.0, 3.0, 12)"))
    answer = multiverse("rerun", answered)
    assert answer.exit_code == 1
    assert "has another data than" in answer.stderr


def test_a_store_that_does_not_name_its_study(multiverse, store: Path) -> None:
    answer = multiverse("rerun", store)
    assert answer.exit_code == 1
    assert "--study study.py" in answer.stderr


def tamper(store: Path) -> None:
    """Move one draw of every universe of a store."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in (store / "parts").iterdir():
        table = pq.read_table(file)
        lists = [np.asarray(values, np.float32) for values in table["draws:estimand/mu"].to_pylist()]
        for values in lists:
            values[3] += 0.25
        place = table.column_names.index("draws:estimand/mu")
        pq.write_table(table.set_column(place, "draws:estimand/mu", pa.array(lists, pa.list_(pa.float32()))), file)

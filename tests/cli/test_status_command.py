"""`multiverse status`: how far a run is."""

from __future__ import annotations

import json
from pathlib import Path

from multiverse.store.folder import FolderStore
from multiverse.store.synthetic import fill, plan


def test_in_words(multiverse, store: Path) -> None:
    answer = multiverse("status", store)
    assert answer.exit_code == 0
    assert "radon, run 'main'" in answer.stdout
    assert "12 of 12 universes answered: 10 green, 2 red" in answer.stdout
    assert "divergences          1  Divergent transitions" in answer.stdout
    assert "universes a minute" in answer.stdout


def test_for_programs(multiverse, store: Path) -> None:
    fill(FolderStore(store), "second")
    told = json.loads(multiverse("status", store, "--json").stdout)
    assert sorted(run["run"] for run in told["runs"]) == ["main", "second"]
    state = told["runs"][0]
    assert (state["planned"], state["answered"], state["green"], state["red"]) == (12, 12, 10, 2)
    assert {reason["reason"]: reason["universes"] for reason in state["reasons"]} == {"divergences": 1, "error": 1}
    raised = plan().universes[9].key
    assert next(r["example"] for r in state["reasons"] if r["reason"] == "error") == raised
    assert state["started"] == "2026-01-01T00:00:00+00:00"
    assert state["last_write"] == "2026-01-01T00:00:12+00:00"
    assert state["per_minute"] == 12 / 12 * 60  # twelve universes in twelve seconds


def test_while_a_run_is_half_way(multiverse, store: Path) -> None:
    for part in sorted((store / "parts").iterdir())[1:]:
        part.unlink()
    answer = multiverse("status", store)
    assert "3 of 12 universes answered (25%)" in answer.stdout
    assert "last wrote" in answer.stdout
    assert "rhat" not in answer.stdout  # one more was tried, and will be again


def test_before_anything_is_answered(multiverse, store: Path) -> None:
    for part in (store / "parts").iterdir():
        part.unlink()
    assert "0 of 12 universes answered: 0 green, 0 red" in multiverse("status", store).stdout
    assert "nothing written yet" in multiverse("status", store).stdout
    for record in (store / "runs").iterdir():
        record.unlink()
    assert "holds no run yet" in multiverse("status", store).stdout


def test_of_a_study_file(multiverse, answered: Path) -> None:
    answer = multiverse("status", answered)
    assert "4 of 4 universes answered" in answer.stdout
    assert "engine nuts" in answer.stdout and "draws 50" in answer.stdout and "gate.rhat_max inf" in answer.stdout


def test_no_store(multiverse, store: Path, tmp_path: Path) -> None:
    answer = multiverse("status", tmp_path / "radn")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("This store cannot be used.\n")
    assert "Did you mean 'radon'?" in answer.stderr
    assert "Did you mean" in multiverse("status", tmp_path).stderr


def test_a_study_that_was_not_run_is_no_broken_store(multiverse, study: Path) -> None:
    for command in ("status", "curve", "manifest"):
        answer = multiverse(command, study)
        assert answer.exit_code == 1
        assert "has not been run yet: there is nothing in " in answer.stderr
        assert f"mend: multiverse run {study}" in answer.stderr

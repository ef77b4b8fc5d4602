"""`multiverse run`: answers what is missing, and says what it did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result

from multiverse.cli.engine_options import chosen_engine
from multiverse.cli.recorded_settings import settings_that_matter
from multiverse.engines.gate import Gate
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.nuts.ladder import Rung
from multiverse.errors import PlanError
from multiverse.rerun.source import engine_of
from multiverse.results import load
from multiverse.store.folder import FolderStore

from .conftest import RED, STUDY

SETTINGS = {"chains": None, "draws": None, "seed": None}


def test_what_it_says(ran: tuple[Path, Result]) -> None:
    folder, answer = ran
    assert answer.exit_code == 0
    assert "4 universes in " in answer.stdout
    assert "4 of 4 universes answered: 4 green, 0 red" in answer.stdout
    assert "Medians of 'mu'" in answer.stdout
    store = folder / "runs" / "small-one"
    for line in (f"multiverse curve {store} -o", f"multiverse show {store} reference", f"multiverse sql {store} "):
        assert line in answer.stdout
    assert f"Store: {store}, run 'main'" in answer.stderr


def test_the_engine_of_the_file_is_used(ran: tuple[Path, Result]) -> None:
    record = load(ran[0] / "runs" / "small-one").record
    assert json.loads(record.sections["settings"]["chains"] or "") == 2
    again = engine_of(record)
    assert again == NUTS(chains=2, warmup=50, draws=50, gate=again.gate)
    assert again.gate.ess_per_chain == -float("inf")


def test_again_there_is_nothing_to_do(multiverse, answered: Path) -> None:
    answer = multiverse("run", answered, "--json")
    told = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (told["answered_now"], told["answered"], told["planned"], told["green"]) == (0, 4, 4, 4)
    assert told["calls"] == 2


def test_a_lost_part_is_answered_again_with_the_same_draws(multiverse, answered: Path) -> None:
    store = answered.parent / "runs" / "small-one"
    before = load(store).draws().compute()
    for part in (store / "parts").iterdir():
        part.unlink()
    told = json.loads(multiverse("run", answered, "--json", "--threads", 1).stdout)
    assert told["answered_now"] == 4
    assert load(store).draws(keys=before["universe"].values).compute().identical(before)


def test_other_settings_need_another_run(multiverse, answered: Path) -> None:
    answer = multiverse("run", answered, "--seed", 60)
    assert answer.exit_code == 1
    assert "seed: was 0, is 60" in answer.stderr
    other = multiverse("run", answered, "--seed", 60, "--keep", "mu", "--run", "another seed")
    assert other.exit_code == 0
    assert "--run 'another seed'" in other.stdout
    results = load(answered.parent / "runs" / "small-one", run="another seed")
    assert json.loads(results.record.sections["settings"]["seed"] or "") == 60
    assert results.draws("mu").sizes["universe"] == 4


def test_all_red_is_code_3_and_told(multiverse, study: Path, tmp_path: Path) -> None:
    study.write_text(RED)
    answer = multiverse("run", study, "--store", tmp_path / "red")
    assert answer.exit_code == 3
    assert "0 green, 4 red" in answer.stdout
    assert "ess" in answer.stdout and "Too few effective draws" in answer.stdout
    assert "Not one universe may be trusted" in answer.stdout
    assert "multiverse curve" not in answer.stdout
    assert FolderStore(tmp_path / "red").names("part")


def test_mistakes(multiverse, study: Path) -> None:
    assert multiverse("run", study, "--chains", 0).exit_code == 2
    assert multiverse("run", study, "--dtype", "float16").exit_code == 2
    wrong = multiverse("run", study, "--keep", "mu,um")
    assert wrong.exit_code == 2 and "'um', which is not a site" in wrong.stderr
    (study.parent / "notes.txt").touch()
    taken = multiverse("run", study, "--store", study.parent / "notes.txt")
    assert taken.exit_code == 1 and "is a file" in taken.stderr
    assert "Plan of" not in taken.stderr


def test_an_unexpected_exception_keeps_its_traceback(multiverse, study: Path, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("multiverse.cli.engine_options.dataclasses.replace", broken)
    answer = multiverse("run", study)
    assert isinstance(answer.exception, RuntimeError)


def test_options_replace_single_settings_of_the_advised_engine() -> None:
    advised = NUTS(chains=2, draws=70, gate=Gate(rhat_max=1.1))
    assert chosen_engine(advised, None, SETTINGS, "auto") == advised
    assert chosen_engine(advised, "nuts", SETTINGS | {"draws": 9}, "auto") == NUTS(
        chains=2, draws=9, gate=Gate(rhat_max=1.1)
    )
    assert chosen_engine(None, None, SETTINGS | {"seed": 3}, "nuts") == NUTS(seed=3)
    with pytest.raises(PlanError, match="has no setting 'temperature'"):
        chosen_engine(None, None, {"temperature": 2}, "nuts")


def test_a_study_that_moved_goes_on(multiverse, answered: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(answered, moved)
    shutil.move(tmp_path / "runs", moved)
    assert json.loads(multiverse("run", moved / "small.py", "--json").stdout)["answered_now"] == 0


GATE = "mv.Gate(rhat_max=3.0, ess_per_chain=20, divergences_max=100, ebfmi_min=0.0)"
CLIMBS = STUDY.replace("gate=OPEN", f"gate={GATE}")


@pytest.mark.slow
def test_what_was_tried_again_is_told_and_retry_names_reasons(multiverse, study: Path, tmp_path: Path) -> None:
    """50 draws a chain are too few for some: what the ladder mends is said, the rest is red."""
    study.write_text(CLIMBS)
    store = tmp_path / "climbed"
    answer = multiverse("run", study, "--store", store)
    results = load(store)
    climbed = results.sql("select attempt, ok from universes")
    green = climbed.query("ok")["attempt"].value_counts().to_dict()
    assert set(climbed["attempt"]) <= {1, 4} and 4 in green  # the rungs between are for hierarchies
    told = " ".join(answer.stdout.split())
    assert f"settings of the run: {green.get(1, 0)}; when tried again: {green[4]} on the rung 'longer'." in told
    red = len(results.failures())
    again = json.loads(multiverse("run", study, "--store", store, "--retry", "ess,rhat", "--json").stdout)
    assert again["answered_now"] == red
    nothing = json.loads(multiverse("run", study, "--store", store, "--retry", "divergences", "--json").stdout)
    assert nothing["answered_now"] == 0
    wrong = multiverse("run", study, "--store", store, "--retry", "failure")
    assert wrong.exit_code == 2 and "Did you mean 'failures'" in wrong.stderr


@pytest.mark.slow
def test_without_a_ladder_and_without_time(multiverse, study: Path, tmp_path: Path) -> None:
    late = multiverse("run", study, "--store", tmp_path / "late", "--time-limit", "1e-9", "--json")
    assert late.exit_code == 3
    (reason,) = json.loads(late.stdout)["reasons"]
    assert (reason["reason"], reason["universes"]) == ("time", 4)
    assert multiverse("run", study, "--time-limit", 0).exit_code == 2
    again = multiverse("run", study, "--store", tmp_path / "late", "--retry", "time", "--time-limit", 600, "--json")
    assert json.loads(again.stdout)["green"] == 4
    once = multiverse("run", study, "--store", tmp_path / "once", "--no-ladder", "--json")
    assert json.loads(once.stdout)["settings"]["ladder"] == "off"


def test_rungs_of_a_persons_own_come_back_from_the_store(multiverse, study: Path, tmp_path: Path) -> None:
    own = "ladder=(mv.Rung('patient', warmup=3, reasons=('rhat',)),)"
    study.write_text(STUDY.replace("gate=OPEN", f"gate=OPEN, {own}"))
    assert multiverse("run", study).exit_code == 0
    record = load(study.parent / "runs" / "small-one").record
    assert engine_of(record).ladder == (Rung("patient", warmup=3, reasons=("rhat",)),)
    assert settings_that_matter(record)["ladder"] == ["patient"]
    changed = multiverse("run", study, "--no-ladder")
    assert changed.exit_code == 1 and "ladder: was" in changed.stderr

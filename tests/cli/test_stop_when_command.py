"""`multiverse run --stop-when`, and what `multiverse status` shows of a run that is under way."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

STEPS = """
import multiverse as mv


def estimate(data, *, slope, shift):
    return mv.Estimate(slope * 0.1 + shift * 0.01 - data, 0.1)


numbers = {str(i): float(i) for i in range(32)}
space = mv.Space(slope=mv.decision("data", numbers), shift=mv.decision("data", numbers))
study = mv.Study("steps", data=1.0, estimate=estimate, space=space)
"""


@pytest.fixture
def half(store: Path) -> Path:
    """A store with four of twelve attempts."""
    for part in sorted((store / "parts").iterdir())[1:]:
        part.unlink()
    return store


@pytest.fixture
def stopped(multiverse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a study whose store holds ten of its sixteen batches."""
    from multiverse.executors.local import Local

    monkeypatch.setattr(Local, "map", lambda self, work, batches: ((batch, work(batch)) for batch in batches))
    file = tmp_path / "steps.py"
    file.write_text(STEPS)
    monkeypatch.setattr(sys, "argv", ["multiverse", "run", str(file), "--stop-when", "share=0.9"])
    answer = multiverse("run", file, "--stop-when", "share=0.9")
    assert answer.exit_code == 0, answer.output
    assert "640 universes in" in answer.stdout and "640 of 1,024 universes answered" in answer.stdout
    assert "Stopped before all was answered: of 'estimate' the share with the estimate" in " ".join(
        answer.stdout.split()
    )
    assert "To answer the other 384 universes" in " ".join(answer.stdout.split())
    assert f"\n  multiverse run {file}\n" in answer.stdout  # without --stop-when: so it goes on
    return file


@pytest.mark.slow
def test_it_stops_shows_what_is_known_and_goes_on(multiverse, stopped: Path, tmp_path: Path) -> None:
    assert "640 of 1,024 universes answered: 640 green" in multiverse("status", stopped).stdout
    figure = tmp_path / "curve.svg"
    assert multiverse("curve", stopped, "-o", figure).exit_code == 0
    assert "partial: 640 of 1,024 universes" in figure.read_text()
    caption = (tmp_path / "curve.caption.txt").read_text()
    assert caption.startswith("Partial: 640 of 1,024 universes answered; the others may change every number.")
    assert "640" in multiverse("sql", stopped, "select count(*) as n from estimates").stdout
    told = json.loads(multiverse("run", stopped, "--json", "--stop-when=share=0.9").stdout)
    assert (told["answered_now"], told["answered"]) == (0, 640) and "is known to" in told["stopped"]
    whole = multiverse("run", stopped)
    assert "384 universes in" in whole.stdout and "640 were there before" in whole.stdout
    assert "Stopped" not in whole.stdout
    assert "Running summary" not in multiverse("status", stopped).stdout


@pytest.mark.parametrize(("text", "said"), [("shar=0.1", "Did you mean 'share'"), ("share=2", "above 0 and below 1")])
def test_widths_that_are_none(multiverse, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "steps.py"
    file.write_text(STEPS)
    answer = multiverse("run", file, "--stop-when", text)
    assert answer.exit_code != 0 and said in answer.output
    assert not (tmp_path / "runs").exists()


def test_status_tells_the_running_summary(multiverse, half: Path) -> None:
    text = multiverse("status", half).stdout
    assert "Running summary of 'effect': 3 of 12 universes answered: 3 green, 0 red left out" in text
    assert "Running summary of 'share'" in text
    assert text.count("median of the medians") == 2
    assert "bounds, not confidence intervals, 9 universes missing: the engine adapts" in text


def test_status_tells_programs(multiverse, half: Path) -> None:
    (run,) = json.loads(multiverse("status", half, "--json").stdout)["runs"]
    effect, share = run["running"]
    assert (effect["estimand"], share["estimand"]) == ("effect", "share")
    assert effect["interval"] == "worst case" and effect["answered"] == 3
    assert (effect["share"]["low"], effect["share"]["high"]) == (0.25, 1.0)  # three of twelve agree for sure
    assert effect["median"]["low"] is None  # JSON knows no infinity


def test_a_finished_run_has_no_running_summary(multiverse, store: Path) -> None:
    assert "Running summary" not in multiverse("status", store).stdout
    (run,) = json.loads(multiverse("status", store, "--json").stdout)["runs"]
    assert run["running"] == []

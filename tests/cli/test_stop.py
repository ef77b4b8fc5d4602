"""Ctrl-C: gone at once, nothing lost, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from multiverse.cli.stop import STOPPED
from multiverse.results import load

from .conftest import STUDY

SECONDS = 60  # to wait for a first part: a busy machine imports and plans for long
PROMPT = 20.0  # seconds until it is gone; it takes a tenth of one where nobody else computes

PATIENT = """

import os
import time
from dataclasses import dataclass
from multiverse.engines.engine import make_batch
from multiverse.engines.outcome import Outcome

FITTED = []


@dataclass(frozen=True)
class Patient:
    name = "patient"

    def init(self, plan, before=()):
        return plan

    def ask(self, plan):
        return [make_batch(self, p, [k], plan.wanted, block=1) for p in plan.programs for k in sorted(plan.todo)]

    def fit(self, batch, given):
        FITTED.append(batch.id)
        if len(FITTED) > 1 and "PATIENT" in os.environ:  # the first is answered, the second would take for ever
            time.sleep(3600)
        numbers = dict(mean=1.0, sd=1.0, median=1.0, q2_5=0.0, q25=0.5, q75=1.5, q97_5=2.0, p_positive=0.9)
        return [Outcome(key, estimates={"mu": numbers | {"mcse_mean": 0.0}}) for key in batch.keys]

    def tell(self, plan, batch, outcomes):
        return plan.without(batch.keys)


engine = Patient()
"""


def command(study: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "multiverse", "run", str(study), *words]


@pytest.fixture
def environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


@pytest.mark.slow
def test_a_stopped_run_goes_on_with_the_same_command(tmp_path: Path, environment: dict[str, str], multiverse) -> None:
    study = tmp_path / "small.py"
    study.write_text(STUDY + PATIENT)
    parts = tmp_path / "runs" / "small-one" / "parts"
    patient = {**environment, "PATIENT": "yes"}
    process = subprocess.Popen(
        command(study, "--threads", "1"), env=patient, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + SECONDS
    while not (parts.is_dir() and list(parts.glob("*.parquet"))) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=SECONDS)
    assert time.monotonic() - began < PROMPT
    assert process.returncode == STOPPED, err
    assert "Stopped." in err and "Traceback" not in err
    assert f"run {study} --threads 1" in err
    kept = load(tmp_path / "runs" / "small-one").status()["answered"]
    assert kept == 1
    again = multiverse("run", study, "--threads", 1)
    assert again.exit_code == 0, again.output
    assert "3 universes" in again.stdout and ", 1 were there before" in again.stdout


def test_before_anything_is_planned(tmp_path: Path, environment: dict[str, str]) -> None:
    study = tmp_path / "small.py"
    study.write_text("print('here', flush=True)\nimport time\ntime.sleep(60)\n")
    process = subprocess.Popen(
        command(study), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PROMPT)
    assert process.returncode == STOPPED
    assert "nothing is lost" in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("words", [pytest.param(["plan"], marks=pytest.mark.slow), ["run", "--threads", "1"]])
def test_while_planning(words: list[str], tmp_path: Path, environment: dict[str, str]) -> None:
    study = tmp_path / "small.py"
    slow = "def prepare(raw, *, rows):\n    print('here', flush=True)\n    __import__('time').sleep(60)\n"
    study.write_text(STUDY.replace("def prepare(raw, *, rows):\n", slow))
    line = [sys.executable, "-m", "multiverse", words[0], str(study), *words[1:]]
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PROMPT)
    assert process.returncode == STOPPED
    assert "Stopped." in err and "Traceback" not in err
    assert words[0] == "plan" or f"nothing is lost. Go on with:\n  multiverse run {study} --threads 1" in err
    assert not (tmp_path / "runs").exists()


def test_where_ctrl_c_is_ignored_it_stays_so(tmp_path: Path, environment: dict[str, str]) -> None:
    """As in the background of a script."""
    study = tmp_path / "small.py"
    study.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('alive')\n")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = subprocess.run(command(study), env=environment, capture_output=True, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "alive" in done.stdout and done.returncode == 2

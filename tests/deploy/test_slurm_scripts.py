"""What the Slurm scripts do when time is up, when the job is cancelled, and with a line of an array.

Slurm and `multiverse` are stand-ins here; `test_slurm_on_ray.py` runs a study on two nodes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

SLURM = Path(__file__).parents[2] / "deploy" / "slurm"
ONE, MANY = SLURM / "one-node.sbatch", SLURM / "many-nodes.sbatch"
PATIENCE = 60.0  # seconds; far more than any script here takes

MULTIVERSE = """
echo "$@" >> "$LOG/multiverse"
: > "$LOG/started" # by the shell itself: with a child it would let an INT pass
[ -z "${RUNS_UNTIL_STOPPED:-}" ] || exec sleep 600
exit "${ENDS_WITH:-0}"
"""
SCONTROL = """
if [ "$1 $2" = "show hostnames" ]; then printf 'node1\\nnode2\\nnode3\\n'; else echo "$@" >> "$LOG/scontrol"; fi
"""
SRUN = """
echo "$@" >> "$LOG/srun"
echo "$RAY_AUTH_MODE $RAY_AUTH_TOKEN" >> "$LOG/tokens"
case "$*" in *"ray start"*) echo "$$" >> "$LOG/rays"; exec sleep 600 ;; esac
"""
PYTHON = """
if [ "$1" = -c ]; then echo 0123456789abcdef; exit; fi
for _ in {1..1000}; do [ "$(cat "$LOG/rays" 2>/dev/null | wc -l)" = 2 ] && exit; sleep 0.02; done
exit 1
"""


@dataclass
class Slurm:
    """A Slurm that is none: starts scripts as it would, and remembers what the stand-ins were told."""

    log: Path
    environment: dict[str, str]
    jobs: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, script: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """A script, in a job of three nodes."""
        job = subprocess.Popen(
            ["bash", str(script), *arguments],
            env=self.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.jobs.append(job)
        return job

    def running(self, script: Path, **variables: str) -> subprocess.Popen[str]:
        """A script whose driver runs until it is stopped, and does run."""
        job = self.start(script, "study.py", "--store", "s3://bucket/study", RUNS_UNTIL_STOPPED="1", **variables)
        deadline = time.monotonic() + PATIENCE
        while not (self.log / "started").exists():
            assert time.monotonic() < deadline and job.poll() is None
            time.sleep(0.02)
        return job

    def told(self, name: str) -> list[str]:
        """What a stand-in was told, a line a call."""
        return (self.log / name).read_text().splitlines() if (self.log / name).exists() else []


def end(job: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code of a script, and what it said."""
    said, _ = job.communicate(timeout=PATIENCE)
    return job.returncode, said


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[Slurm]:
    """A Slurm for one test; what it leaves running is ended."""
    commands, log = tmp_path / "bin", tmp_path / "log"
    commands.mkdir()
    log.mkdir()
    texts = {"multiverse": MULTIVERSE, "scontrol": SCONTROL, "srun": SRUN, "python": PYTHON}
    for name, text in texts.items():
        (commands / name).write_text(f"#!/usr/bin/env bash\nset -eu\n{text}")
        (commands / name).chmod(0o755)
    environment = {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "LOG": str(log),
        "SLURM_JOB_ID": "41",
        "SLURM_JOB_NODELIST": "node[1-3]",
        "SLURM_CPUS_PER_TASK": "8",
        "MULTIVERSE_HEAD_IP": "192.0.2.7",
        "MULTIVERSE_TMP": str(tmp_path / "scratch"),
    }
    made = Slurm(log, environment)
    yield made
    for job in made.jobs:
        if job.poll() is None:
            for process in [*psutil.Process(job.pid).children(recursive=True), job]:
                process.kill()
            job.communicate()


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("script", [ONE, MANY], ids=lambda path: path.stem)
def test_arguments_go_in_and_the_exit_code_comes_out(script: Path, code: int, slurm: Slurm) -> None:
    job = slurm.start(script, "study.py", "--store", "s3://bucket/study", ENDS_WITH=str(code))
    assert end(job)[0] == code
    (arguments,) = slurm.told("multiverse")
    ray = " --executor ray --address 192.0.2.7:20041" if script == MANY else ""
    assert arguments == f"run study.py --store s3://bucket/study{ray}"
    assert slurm.told("scontrol") == []


@pytest.mark.parametrize("script", [ONE, MANY], ids=lambda path: path.stem)
def test_when_time_is_up_the_job_is_queued_again(script: Path, slurm: Slurm) -> None:
    job = slurm.running(script)
    job.send_signal(signal.SIGUSR1)
    code, said = end(job)
    assert code == 130 and "goes on" in said
    assert slurm.told("scontrol") == ["requeue 41"]


@pytest.mark.parametrize("script", [ONE, MANY], ids=lambda path: path.stem)
def test_a_cancelled_job_is_not_queued_again(script: Path, slurm: Slurm) -> None:
    job = slurm.running(script)
    job.send_signal(signal.SIGTERM)
    assert end(job)[0] == 130
    assert slurm.told("scontrol") == []


@pytest.mark.parametrize("script", [ONE, MANY], ids=lambda path: path.stem)
def test_a_job_is_not_queued_for_ever(script: Path, slurm: Slurm) -> None:
    job = slurm.running(script, SLURM_RESTART_COUNT="20")
    job.send_signal(signal.SIGUSR1)
    code, said = end(job)
    assert code == 1 and "MULTIVERSE_RESTARTS" in said
    assert slurm.told("scontrol") == []


@pytest.mark.parametrize("script", [ONE, MANY], ids=lambda path: path.stem)
def test_without_a_study_it_says_how_it_is_called(script: Path, slurm: Slurm) -> None:
    code, said = end(slurm.start(script))
    assert code == 2 and "usage: sbatch" in said


def test_a_task_of_an_array_takes_its_line(slurm: Slurm, tmp_path: Path) -> None:
    runs = tmp_path / "runs.txt"
    runs.write_text("study.py --run main\nstudy.py --run other --seed 1\n")
    assert end(slurm.start(ONE, str(runs), SLURM_ARRAY_TASK_ID="2"))[0] == 0
    assert slurm.told("multiverse") == ["run study.py --run other --seed 1"]
    code, said = end(slurm.start(ONE, str(runs), SLURM_ARRAY_TASK_ID="3"))
    assert code == 2 and "no line 3: give --array=1-2" in said


def test_ray_is_started_on_all_nodes_with_one_token_and_ended(slurm: Slurm) -> None:
    assert end(slurm.start(MANY, "study.py"))[0] == 0
    head, workers, clean = sorted(slurm.told("srun"), key=lambda line: ("--head" not in line, "rm -rf" in line))
    assert "--nodes=1 --ntasks=1 " in head and "--nodelist=node1 " in head and "--num-cpus=7" in head
    assert "--nodes=2 --ntasks=2 " in workers and "--exclude=node1 " in workers and "--num-cpus=8" in workers
    assert "--kill-on-bad-exit=0" in workers and "--address=192.0.2.7:20041" in workers
    assert clean.endswith("rm -rf " + slurm.environment["MULTIVERSE_TMP"])
    assert set(slurm.told("tokens")) == {"token 0123456789abcdef"}
    assert "0123456789abcdef" not in head + workers  # command lines can be read by everybody
    for process in slurm.told("rays"):
        assert not Path("/proc", process).exists()

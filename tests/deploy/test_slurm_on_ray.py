"""The Slurm script for many nodes runs a study: two nodes of Ray on this machine, and a Slurm that is none.

`srun` starts what it is given, here; the rest is the real thing: Ray with a token, `multiverse run`, a store. Time is
up half-way, the script is started once more, as Slurm would, and the study is whole.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import multiverse as mv

pytestmark = pytest.mark.ray

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm" / "many-nodes.sbatch"
PATIENCE = 240.0  # seconds for a whole allocation: two nodes start in some 10 to 20 seconds, on two busy cores
UNIVERSES = 240

STUDY = f"""
import time

import multiverse as mv


def estimate(data, *, shift):
    time.sleep(0.25)
    return data + int(shift)  # not for JAX: called universe by universe


study = mv.Study(
    name="slow_sums",
    data=1.0,
    prepare=lambda raw: raw,
    estimate=estimate,
    space=mv.Space(shift=mv.preprocessing({{str(i): float(i) for i in range({UNIVERSES})}})),
)
"""
SRUN = """
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """
if [ "$1 $2" = "show hostnames" ]; then printf 'node1\\nnode2\\n'; else echo "$@" >> "$LOG"; fi
"""


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Path]:
    """A folder with a short name, since sockets lie in it; what still runs is ended with it."""
    folder = Path(tempfile.mkdtemp(prefix="mv", dir="/tmp"))
    yield folder
    for process in [*using(folder), *using(tmp_path)]:
        process.kill()
    shutil.rmtree(folder)


def using(folder: Path) -> list[psutil.Process]:
    """The processes whose command line names a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def answered(store: Path) -> int:
    """How many universes a store holds."""
    return len(mv.load(store).table()) if list(store.glob("**/part-*.parquet")) else 0


def test_a_study_is_whole_after_two_allocations(tmp_path: Path, short: Path) -> None:
    study, store, log = tmp_path / "study.py", tmp_path / "store", tmp_path / "log"
    study.write_text(STUDY)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in {"srun": SRUN, "scontrol": SCONTROL}.items():
        (commands / name).write_text(f"#!/usr/bin/env bash\nset -eu\n{text}")
        (commands / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LOG": str(log),
        "SLURM_JOB_ID": "41",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_CPUS_PER_TASK": "1",
        "MULTIVERSE_HEAD_IP": "127.0.0.1",
        "MULTIVERSE_TMP": str(short / "ray"),
    }

    def allocation(restarts: int) -> subprocess.Popen[str]:
        said = (tmp_path / f"said{restarts}.txt").open("w")
        variables = {"MULTIVERSE_PORT": str(free_port()), "SLURM_RESTART_COUNT": str(restarts)}
        with said:
            return subprocess.Popen(
                ["bash", str(SCRIPT), str(study), "--store", str(store)],
                env=environment | variables,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def said() -> str:
        return "\n".join(path.read_text() for path in sorted(tmp_path.glob("said*.txt")))

    first = allocation(0)
    deadline = time.monotonic() + PATIENCE
    while answered(store) == 0:
        assert time.monotonic() < deadline and first.poll() is None, said()
        time.sleep(0.2)
    first.send_signal(signal.SIGUSR1)
    first.wait(PATIENCE)
    assert log.read_text().split() == ["requeue", "41"], said()
    assert 0 < answered(store) < UNIVERSES
    assert not using(short) and not (short / "ray").exists()

    second = allocation(1)
    second.wait(PATIENCE)
    assert second.returncode == 0, said()
    assert said().count("2 of 2 nodes, 2 cores") == 2
    assert answered(store) == UNIVERSES
    assert not using(short) and not (short / "ray").exists()

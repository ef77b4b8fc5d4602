"""A small study in a repository is run, and the view `manifest` says what is known of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import multiverse as mv
from multiverse.identity.fingerprint import fingerprint
from multiverse.loading import load_study
from multiverse.progress import no_progress
from multiverse.results import Results

STUDY = """import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv


def prepare(raw, *, rows):
    return {"y": raw["y"][rows:]}


def model(data, *, prior):
    mu = numpyro.sample("mu", prior)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(mu, 1.0), obs=data["y"])


study = mv.Study(
    "small",
    data=lambda: {"y": np.linspace(-1.0, 2.0, 12)},
    prepare=prepare,
    model=model,
    estimands={"mu": "mu"},
    space=mv.Space(
        rows=mv.preprocessing(all=0, most=3),
        prior=mv.prior(weak=dist.Normal(0.0, 10.0), tight=dist.Normal(0.0, 0.5)),
    ),
)
"""
Y = np.linspace(-1.0, 2.0, 12)
GATE = mv.Gate(rhat_max=2.0)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    (folder / "small_study.py").write_text(STUDY)
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    for words in (["init", "-b", "spring"], ["add", "."], [*who, "commit", "-m", "begin"]):
        subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def results(repository: Path) -> Results:
    """Four universes, whose program tests/cli has too; what passes the gate does not matter here."""
    path = list(sys.path)
    study = load_study(repository / "small_study.py").study
    sys.path[:] = path
    engine = mv.NUTS(chains=2, warmup=50, draws=50, seed=5, ladder=(), gate=GATE)
    return mv.run(study, store=repository / "runs", engine=engine, progress=no_progress)


def section(results: Results, name: str) -> dict[str, str]:
    rows = results.sql(f"select name, value from manifest where section = '{name}' and run = 'main'")
    return dict(zip(rows["name"], rows["value"], strict=True))


def test_seed_and_thresholds(results: Results) -> None:
    assert section(results, "seed") == {"seed": "5"}
    told = section(results, "thresholds")
    assert (told["gate.rhat_max"], told["gate.ess_per_chain"]) == ("2.0", "100.0")
    assert told["gate.rhat_max: source"].startswith("chosen for this run; 1.01 by default: Vehtari")
    assert told["gate.ess_per_chain: source"].startswith("Vehtari")
    assert len(told) == 2 * len(vars(GATE))


def test_versions_and_hardware(results: Results) -> None:
    versions = section(results, "versions")
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    for package in ("jax", "numpyro", "numpy", "pandas", "duckdb"):
        assert versions[package] == version(package)
    hardware = section(results, "hardware")
    assert hardware["cores"] == str(os.cpu_count()) and hardware["fused multiply-add"] in ("yes", "no")


def test_git(results: Results, repository: Path) -> None:
    told = section(results, "git")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    assert (told["commit"], told["branch"], told["changed"]) == (commit.stdout.strip(), "spring", "no")


def test_data(results: Results) -> None:
    told = section(results, "data")
    assert told == {
        "fingerprint": fingerprint({"y": Y}),
        "type": "dict",
        "rows": "12",
        "columns": "1",
        "column y": "float64 12",
        "prepared data sets": "2",
        "prepared rows = all": fingerprint({"y": Y}),
        "prepared rows = all: rows": "12",
        "prepared rows = most": fingerprint({"y": Y[3:]}),
        "prepared rows = most: rows": "9",
    }


def test_source(results: Results, repository: Path) -> None:
    told = section(results, "source")
    assert (told["file"], told["variable"]) == (str(repository / "small_study.py"), "study")
    assert told["text"] == STUDY
    assert told["data"] == 'lambda: {"y": np.linspace(-1.0, 2.0, 12)}'
    assert told["prepare"] == 'def prepare(raw, *, rows):\n    return {"y": raw["y"][rows:]}'


def test_settings_are_as_they_were_given(results: Results) -> None:
    told = {name: json.loads(value) for name, value in section(results, "settings").items()}
    assert (told["engine"], told["draws"], told["seed"], told["gate.rhat_max"]) == ("nuts", 50, 5, 2.0)

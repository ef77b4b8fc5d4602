"""The command in this process, small study files, and stores to read."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from multiverse.cli.main import main
from multiverse.store.folder import FolderStore
from multiverse.store.synthetic import fill

Command = Callable[..., Result]

STUDY = """
import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv

Y = np.linspace(-1.0, 2.0, 12)


def prepare(raw, *, rows):
    return {"y": raw["y"][rows:]}


def model(data, *, prior):
    mu = numpyro.sample("mu", prior)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(mu, 1.0), obs=data["y"])


study = mv.Study(
    name="small one",
    data={"y": Y},
    prepare=prepare,
    model=model,
    estimands={"mu": "mu"},
    space=mv.Space(
        rows=mv.preprocessing({"all": 0, "without the first": 1}, why={"all": "nothing is wrong with any"}),
        prior=mv.prior(
            {"weak": dist.Normal(0.0, 10.0), "tight": dist.Normal(0.0, 0.5)}, plausibility={"weak": 2, "tight": 1}
        ),
    ),
)
OPEN = mv.Gate(rhat_max=np.inf, rhat_local_max=np.inf, divergences_max=np.inf, ess_per_chain=-np.inf, ebfmi_min=-np.inf)
engine = mv.NUTS(chains=2, warmup=50, draws=50, gate=OPEN)
"""
RED = STUDY.replace("gate=OPEN", "gate=mv.Gate(rhat_max=9.0, ess_per_chain=1e6), ladder=()")


def _invoke(*words: object, columns: int | None = None, text: str | None = None) -> Result:
    env = {"COLUMNS": None if columns is None else str(columns)}
    return CliRunner(env=env).invoke(main, [str(word) for word in words], input=text, prog_name="multiverse")


@pytest.fixture(scope="session")
def multiverse() -> Command:
    """Run the command here: `multiverse("sql", store, "from options")` gives code, stdout and stderr."""
    return _invoke


@pytest.fixture(autouse=True)
def own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Study files are modules with plain names: each test starts without those of the others."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        file = getattr(sys.modules[name], "__file__", None) or ""
        if "pytest-" in file:
            del sys.modules[name]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of twelve made-up universes."""
    fill(FolderStore(tmp_path / "radon"))
    return tmp_path / "radon"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study file of four universes in one program."""
    path = tmp_path / "small.py"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of that study after `multiverse run`, and what the command said. To read; copy it to change it."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "small.py").write_text(STUDY)
    return folder, _invoke("run", folder / "small.py")


@pytest.fixture
def answered(ran: tuple[Path, Result], tmp_path: Path) -> Path:
    """A study file whose own store has all answers; a copy."""
    shutil.copytree(ran[0] / "runs", tmp_path / "runs")
    shutil.copy(ran[0] / "small.py", tmp_path / "small.py")
    return tmp_path / "small.py"

"""A network before its first step, in a store as training leaves it there: it says about a t in whitened coordinates.

Whitening finds the mode, so such a network answers posteriors that are about normal; nothing here waits for training.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from multiverse.answering.load import load_network
from multiverse.answering.network import Network
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.fit import learner_of
from multiverse.engines.amortized.learning import CALIBRATION, STEPS
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.outcome import Outcome
from multiverse.loading import load_study
from multiverse.planning.build import plan
from multiverse.run_record import begin_run
from multiverse.store.folder import FolderStore
from multiverse.study import Study
from multiverse.work import SweepWork

STUDY = """
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

import multiverse as mv

RAW = pd.DataFrame({"y": np.linspace(-1.0, 2.0, 12), "site": pd.Categorical(list("ab") * 6)})


def prepare(raw, *, dropped):
    kept = raw.iloc[dropped:]
    return {"y": kept.y.to_numpy(), "site": kept.site.cat.codes.to_numpy()}


def model(data, *, prior, noise):
    level = numpyro.sample("level", prior)
    step = numpyro.sample("step", dist.Normal(0.0, 1.0))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level + step * data["site"], noise), obs=data["y"])


study = mv.Study(
    name="two sites",
    data=RAW,
    prepare=prepare,
    model=model,
    estimands={"level": "level", "sum": lambda draws: draws["level"] + draws["step"]},
    space=mv.Space(
        dropped=mv.preprocessing({"none": 0, "two": 2}),
        prior=mv.prior(wide=dist.Normal(0.0, 10.0), unit=dist.Normal(0.0, 1.0)),
        noise=mv.likelihood({"one": 1.0, "three": 3.0}),
    ),
)
"""
ENGINE = Amortized(draws=500, couplings=1, width=8, whiten="newton", training=Schedule(batch=16, segment=1, steps=1))


def _hold(study: Study, engine: Amortized, place: Path) -> Path:
    planned, store = plan(study), FolderStore(place)
    begin_run(store, planned, engine, "main")
    for segment in engine.ask(engine.init(planned)):
        learner = learner_of(segment, engine, None)
        told = {STEPS: float(engine.training.steps), CALIBRATION: 0.5}
        handed = learner.handed(learner.begin())
        outcome = Outcome(segment.keys[0], diagnostics=told, final=False, handed=handed)
        SweepWork(store, engine, "main", {}).publish(segment, [outcome])
    return place


@pytest.fixture(scope="session")
def hold_network() -> Callable[[Study, Amortized, Path], Path]:
    """Put networks of a study, as they are before their first step, into a store at a place; gives the place."""
    return _hold


@pytest.fixture(scope="session")
def two_sites(
    tmp_path_factory: pytest.TempPathFactory, quick_networks: Callable[[], AbstractContextManager[None]]
) -> Path:
    """The study file, with a store beside it that holds a network. To read."""
    file = tmp_path_factory.mktemp("answering") / "two_sites.py"
    file.write_text(STUDY)
    loaded = load_study(file)
    with quick_networks():
        _hold(loaded.study, ENGINE, loaded.store)
    return file


@pytest.fixture(autouse=True)
def quick(quick_unless_slow: None) -> None:
    """In every test of this folder."""


@pytest.fixture(scope="session")
def network(two_sites: Path) -> Network:
    """The network of that store."""
    loaded = load_study(two_sites)
    return load_network(loaded.store, loaded.study, ready=False)

"""A study that only simulates: inside the trained context a network answers, outside nothing could weigh its draws."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.answering.context import Context
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.training import Schedule


@pytest.mark.slow
def test_a_queue_is_answered_inside_and_refused_outside(
    only_simulate: ModuleType, hold_network: Any, tmp_path: Path
) -> None:
    study = only_simulate.queue
    engine = Amortized(draws=300, couplings=1, width=8, training=Schedule(batch=16, segment=1, steps=1))
    network = mv.load_network(hold_network(study, engine, tmp_path / "queue"), study, ready=False)
    data = {"gaps": only_simulate.departures()["gaps"][::-1].copy()}
    answer = network.answer(data)
    assert answer.context is Context.universe and np.isnan(answer.khat)
    assert np.isfinite(answer.estimates["service"]["mean"])
    between = network.answer(data, arrivals=dist.LogNormal(1.4, 0.6))
    assert between.context is Context.inside
    with pytest.raises(mv.MultiverseError, match=r"arrivals.loc = 3 is beyond.*no density to weigh draws by"):
        network.answer(data, arrivals=dist.LogNormal(3.0, 0.6))

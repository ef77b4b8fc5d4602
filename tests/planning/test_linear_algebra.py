"""Models with linear algebra are told of, since XLA's threads may wait for each other."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.planning.build import plan
from multiverse.planning.linear_algebra import POOL
from multiverse.progress import no_progress


def correlated(data):
    scale = numpyro.sample("scale", dist.HalfNormal(1))
    numpyro.sample("y", dist.MultivariateNormal(jnp.zeros(3), scale * jnp.eye(3)), obs=data["y"])


def independent(data):
    scale = numpyro.sample("scale", dist.HalfNormal(1))
    numpyro.sample("y", dist.Normal(jnp.zeros(3), scale), obs=data["y"])


def notes(model):
    study = mv.Study("algebra", data={"y": np.ones(3)}, model=model, estimands={"scale": "scale"})
    return " ".join(plan(study, progress=no_progress).notes)


@pytest.mark.slow
def test_a_plan_says_how_to_go_on_if_a_run_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(POOL, raising=False)
    assert f"start it with {POOL}=" in notes(correlated)
    assert notes(independent) == ""
    monkeypatch.setenv(POOL, "8")
    assert notes(correlated) == ""

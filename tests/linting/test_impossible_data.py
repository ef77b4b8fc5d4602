"""Observed values outside the support of their likelihood are found, with the right counts; possible ones are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.linting.finding import Finding
from multiverse.linting.impossible_data import impossible_data

ROWS = 12
COUNTS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -3.0])
PLANTED: dict[str, tuple[Callable[[Any], Any], np.ndarray, int, str]] = {
    # name of the site -> distribution given a positive latent, values, how many are impossible, what is said of them
    "poisson": (
        lambda s: dist.Poisson(s),
        COUNTS,
        2,
        "Poisson: it holds whole numbers from 0, and there is -1 in row 10",
    ),
    "half counts": (lambda s: dist.Poisson(s), COUNTS.clip(0) + np.array([0.5] + [0.0] * 11), 1, "0.5 in row 0"),
    "log normal": (
        lambda s: dist.LogNormal(0, s),
        COUNTS.clip(0),
        3,
        "LogNormal: it holds numbers above 0, and there is 0",
    ),
    "beta": (lambda s: dist.Beta(1.5 + s, 2.0), np.linspace(0, 1, ROWS), 2, "Beta: it holds numbers between 0 and 1"),
    "binomial": (lambda s: dist.Binomial(8, s / (1 + s)), COUNTS.clip(0), 1, "9 in row 9"),
    "category": (lambda s: dist.Categorical(jnp.ones(3) / 3), 1 + COUNTS.clip(0, 2).astype(int), 8, "Categorical"),
}
CLEAN: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "poisson": (lambda s: dist.Poisson(s), COUNTS.clip(0)),
    "even": (lambda s: dist.Uniform(0.0, 9.0), COUNTS.clip(0)),  # up to and with its bounds
    "uniform": (lambda s: dist.Uniform(0.0, s), np.full(ROWS, 50.0)),  # its support depends on a latent
    "masked": (lambda s: dist.Poisson(s).mask(COUNTS >= 0), COUNTS),
    "beta": (lambda s: dist.Beta(s, s), np.linspace(0.1, 0.9, ROWS)),
    "truncated": (lambda s: dist.TruncatedNormal(0.0, s, low=0.0), COUNTS.clip(0)),
}


def study_of(sites: Any) -> mv.Study:
    def model(data: Any) -> None:
        scale = numpyro.sample("scale", dist.LogNormal(0, 0.5))
        with mv.rows(data):
            for name, (family, _, *_) in sites.items():
                numpyro.sample(name, family(scale), obs=jnp.asarray(data[name]))

    data = {name: values for name, (_, values, *_) in sites.items()}
    return mv.Study("supports", data=data, model=model, estimands={"scale": "scale"})


def test_each_family_says_what_it_cannot_hold_and_how_often(quick_plan: Callable[[mv.Study], mv.Plan]) -> None:
    findings = impossible_data(quick_plan(study_of(PLANTED)))
    found = {one.what.split("values of ")[1].split("'")[1]: one.what for one in findings}
    assert list(found) == list(PLANTED)
    for name, (_, _, count, said) in PLANTED.items():
        assert found[name].startswith(f"{count} of 12 observed values of {name!r} cannot be, under ")
        assert said in found[name], found[name]


def test_possible_values_are_silent(quick_plan: Callable[[mv.Study], mv.Plan]) -> None:
    assert list(impossible_data(quick_plan(study_of(CLEAN)))) == []


def keep(raw: Any, *, rows: str) -> Any:
    return {"y": raw["y"] if rows == "all" else raw["y"][raw["y"] > 0]}


def logs(data: Any, *, scale: str, plus: float, spread: Any) -> None:
    s = numpyro.sample("s", spread)
    with mv.rows(data):
        if scale == "log":
            numpyro.sample("y", dist.Normal(0, s), obs=jnp.log(data["y"] + plus))
        else:
            numpyro.sample("y", dist.Gamma(s + 1.5, 1.0), obs=data["y"])


@pytest.fixture(scope="module")
def findings(quick_plan: Callable[[mv.Study], mv.Plan]) -> list[Finding]:
    """2 rows × 2 scales × 2 constants × 2 priors; a constant changes nothing on the scale of the data."""
    space = mv.Space(
        rows=mv.preprocessing(all="all", positive="positive"),
        scale=mv.likelihood(log="log", gamma="gamma"),
        plus=mv.likelihood({"0": 0.0, "1": 1.0}),
        spread=mv.prior(wide=dist.HalfNormal(2.0), narrow=dist.HalfNormal(1.0)),
    ).only_when("plus", lambda scale: scale == "log")
    plus = lambda data, *, scale, plus, spread: logs(data, scale=scale, plus=plus or 0.0, spread=spread)  # noqa: E731
    study = mv.Study("logs", data={"y": COUNTS.clip(0)}, prepare=keep, model=plus, estimands={"s": "s"}, space=space)
    return list(impossible_data(quick_plan(study)))


def test_only_the_universes_that_observe_impossible_values_are_named(findings: list[Finding]) -> None:
    gamma = next(one for one in findings if "under Gamma" in one.what)
    normal = next(one for one in findings if "under Normal" in one.what)
    assert len(findings) == 2
    assert "with rows='all' and scale='gamma'" in gamma.what and len(gamma.universes) == 2
    assert "with rows='all' and scale='log' and plus='0'" in normal.what and len(normal.universes) == 2
    assert "3 of 12 observed values of 'y' cannot be, under Normal" in normal.what and "-inf in row 0" in normal.what
    assert "a part of their own in the model" in gamma.mend
    assert "(rows, scale) == ('all', 'gamma')" in gamma.mend

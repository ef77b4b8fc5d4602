"""Networks that say the same agree, others are as far apart as they say, and noise of draws is no distance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats

import multiverse as mv
from multiverse.engines.amortized.disagreement import disagreement

EACH = 2000  # draws of a network
GRID = stats.norm.ppf((np.arange(EACH) + 0.5) / EACH)  # a normal without noise
ROUNDING = 0.01  # of quantiles of a grid, and of the noise that is subtracted though it has none (some 1e-3)


def said(places: list[float], sds: list[float], dimension: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Draws (draw, dimension) of networks that say normals, and whose each is; they differ in the last coordinate."""
    rest = [np.tile(GRID[:, None], dimension - 1)] * len(places)
    last = [place + sd * GRID for place, sd in zip(places, sds, strict=True)]
    u = np.concatenate([np.column_stack([some, one]) for some, one in zip(rest, last, strict=True)])
    return u, np.repeat(np.arange(len(places)), EACH)


def test_networks_that_say_the_same_agree() -> None:
    assert disagreement(*said([0.3] * 5, [2.0] * 5)) == 0


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e4])
def test_means_are_apart_in_posterior_sds(unit: float) -> None:
    u, member = said([-1.0, 0.0, 1.0], [1.0] * 3)
    assert disagreement(unit * u + 5 * unit, member) == pytest.approx(1.0, abs=ROUNDING)


def test_widths_are_apart_by_their_logarithm() -> None:
    u, member = said([0.0] * 3, [math.exp(-1), 1.0, math.e])
    assert disagreement(u, member) == pytest.approx(1.0, abs=ROUNDING)


def test_the_worst_coordinate_counts_and_who_is_who_does_not() -> None:
    u, member = said([-0.5, 0.5], [1.0, 1.0], dimension=4)
    expected = math.sqrt(0.5)  # the spread of two numbers that are 1 apart
    order = np.random.default_rng(0).permutation(len(u))
    assert disagreement(u, member) == pytest.approx(expected, abs=ROUNDING)
    assert disagreement(u[order][:, ::-1], 1 - member[order]) == pytest.approx(disagreement(u, member), abs=1e-9)


def test_noise_of_draws_is_no_disagreement() -> None:
    """Five networks, the same normal: what is left over is what the variance of five numbers errs by."""
    u = np.random.default_rng(1).normal(size=(5 * EACH, 3))
    worst = stats.chi2.isf(1e-4 / 6, 4) / 4 - 1  # of six variances of five numbers, in their true one
    assert disagreement(u, np.arange(5 * EACH) % 5) < math.sqrt(worst * math.pi / 2 / EACH)


def test_tails_without_moments_do_not_matter() -> None:
    u, member = said([-1.0, 0.0, 1.0], [1.0] * 3)
    u[::EACH] = -1e9
    assert disagreement(u, member) == pytest.approx(1.0, abs=ROUNDING)


def test_a_single_network_cannot_disagree() -> None:
    assert math.isnan(disagreement(GRID[:, None], np.zeros(EACH, int)))


ROWS = np.linspace(-1, 1, 20)
DATA = {"x": ROWS, "y": 0.8 + 0.5 * ROWS + 0.5 * np.random.default_rng(0).normal(size=20)}


def line(data: Mapping[str, Any], *, scale: float) -> None:
    """Both parameters are told by the data."""
    a, b = (numpyro.sample(name, dist.Normal(0, scale)) for name in "ab")
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(a + b * data["x"], 0.5), obs=data["y"])


def product(data: Mapping[str, Any], *, scale: float) -> None:
    """Only a b is: a and b stay unknown along two hyperbolas, of either sign."""
    a, b = (numpyro.sample(name, dist.Normal(0, scale)) for name in "ab")
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(a * b + 0 * data["x"], 0.5), obs=data["y"])


@pytest.mark.slow
def test_networks_agree_where_the_model_is_identified_and_not_where_it_is_not() -> None:
    """Five networks after 1,000 steps, four priors. Measured: 0.02 to 0.07, and 0.22 to 0.55 for the product."""
    apart = {}
    for model in (line, product):
        study = mv.Study(
            model.__name__,
            data=DATA,
            model=model,
            estimands={"a": "a"},
            space=mv.Space(scale=mv.prior({"1": 1.0, "2": 2.0, "3": 3.0, "5": 5.0})),
        )
        engine = mv.Amortized(
            members=5,
            couplings=4,
            width=64,
            training=mv.Schedule(batch=128, segment=500, steps=1000),
            goal=mv.Goal(green=2.0),
            tuning=None,
            escalate=None,
        )
        found = mv.run(mv.plan(study), engine=engine).sql("select disagreement from diagnostics where final")
        apart[model.__name__] = found["disagreement"]
    assert apart["line"].max() < 0.1 and apart["product"].median() > 0.2
    assert apart["line"].max() < apart["product"].min()

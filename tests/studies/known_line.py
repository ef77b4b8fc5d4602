"""A line with known noise and normal priors: every posterior and every evidence is known in closed form.

Tests of the amortized engine share it, as what is compiled for it takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv

ROWS = 16
LEVEL_SD = 2.0
PRIORS = {"wide": (0.0, 3.0), "narrow": (0.0, 0.5), "far": (2.0, 1.0)}
NOISES = {"one": 1.0, "more": 1.4}
DROPPED = {"none": 0, "three": 3}


def raw() -> dict[str, np.ndarray]:
    """Residuals have a standard deviation of 1.1: as both noises simulate them."""
    x = np.linspace(-1.5, 1.5, ROWS)
    noise = np.random.default_rng(3).normal(size=ROWS)
    noise -= np.polyval(np.polyfit(x, noise, 1), x)
    return {"x": x, "y": 0.4 + 0.7 * x + 1.1 * noise / noise.std()}


def prepare(raw, *, dropped):
    return {name: column[dropped:] for name, column in raw.items()}


def model(data, *, prior, noise):
    level = numpyro.sample("level", dist.Normal(0, LEVEL_SD))
    slope = numpyro.sample("slope", prior)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level + slope * data["x"], noise), obs=data["y"])


def space(priors: int = 3, noises: int = 2, dropped: int = 2) -> mv.Space:
    return mv.Space(
        dropped=mv.preprocessing(dict(list(DROPPED.items())[:dropped])),
        prior=mv.prior({label: dist.Normal(*at) for label, at in list(PRIORS.items())[:priors]}),
        noise=mv.likelihood(dict(list(NOISES.items())[:noises])),
    )


def study(**changes: Any) -> mv.Study:
    base = mv.Study("known line", data=raw, prepare=prepare, model=model, estimands={"slope": "slope"}, space=space())
    return replace(base, **changes)


class Exact(NamedTuple):
    """The posterior of the slope, normal, and the logarithm of the marginal likelihood."""

    mean: float
    sd: float
    log_marginal: float


def exact(universe: Mapping[str, str | None], data: Mapping[str, np.ndarray] | None = None) -> Exact:
    """The closed form: Bishop 2006, Pattern recognition and machine learning, section 3.3."""
    from scipy.stats import multivariate_normal

    rows = prepare(raw() if data is None else data, dropped=DROPPED[str(universe["dropped"])])
    mean, sd = PRIORS[str(universe["prior"])]
    noise = NOISES[str(universe["noise"])]
    design = np.stack([np.ones(len(rows["x"])), rows["x"]], axis=1)
    before, about = np.diag([LEVEL_SD**2, sd**2]), np.array([0.0, mean])
    covariance = np.linalg.inv(np.linalg.inv(before) + design.T @ design / noise**2)
    after = covariance @ (np.linalg.solve(before, about) + design.T @ rows["y"] / noise**2)
    seen = multivariate_normal(design @ about, noise**2 * np.eye(len(design)) + design @ before @ design.T)
    return Exact(float(after[1]), float(covariance[1, 1] ** 0.5), float(seen.logpdf(rows["y"])))

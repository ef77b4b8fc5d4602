"""Four grids of universes whose marginal likelihoods have closed forms, each with a function that tells it.

Closed forms: Gelman et al., Bayesian Data Analysis, 3rd ed., sections 2.4, 2.5, 5.4 and 14.8; Bernardo and Smith 1994,
appendix A.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.special import betaln, gammaln
from scipy.stats import multivariate_normal, multivariate_t

import multiverse as mv

RNG = np.random.default_rng(20_061)


class Grid(NamedTuple):
    """A study, and the log marginal likelihood of a universe, in nats, by the values of its options."""

    study: mv.Study
    exact: Callable[..., float]


def numbers(*values: float) -> dict[str, float]:
    return {str(value): value for value in values}


# ------------------------------------------------------------------------------------------------- normal-normal
HEIGHTS = RNG.normal(1.0, 2.0, 20)


def normal_model(data: Any, *, center: float, scale: float, noise: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(center, scale))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(mu, noise), obs=data["y"])


def normal_exact(center: float, scale: float, noise: float) -> float:
    size = len(HEIGHTS)
    covariance = noise**2 * np.eye(size) + scale**2
    return float(multivariate_normal(np.full(size, center), covariance).logpdf(HEIGHTS))


# ------------------------------------------------------------------------------------------------- beta-binomial
SUCCESSES, TRIES = 9.0, 12.0


def binomial_model(data: Any, *, a: float, b: float) -> None:
    p = numpyro.sample("p", dist.Beta(a, b))
    numpyro.sample("successes", dist.Binomial(TRIES, p), obs=data["successes"])


def binomial_exact(a: float, b: float) -> float:
    choose = gammaln(TRIES + 1) - gammaln(SUCCESSES + 1) - gammaln(TRIES - SUCCESSES + 1)
    return float(choose + betaln(a + SUCCESSES, b + TRIES - SUCCESSES) - betaln(a, b))


# ------------------------------------------------------------------------------------------------- linear regression
SIZE, COEFFICIENTS = 40, 4
X = RNG.normal(size=(SIZE, COEFFICIENTS))
OUTCOME = X @ np.array([1.0, -0.5, 0.2, 0.0]) + RNG.normal(0, 0.8, SIZE)
COVARIATES = {name: np.array([1.0] * many + [0.0] * (4 - many)) for name, many in (("one", 1), ("two", 2), ("all", 4))}


def regression_model(data: Any, *, scale: float, shape: float, rate: float, covariates: Any) -> None:
    variance = numpyro.sample("variance", dist.InverseGamma(shape, rate))
    slopes = numpyro.sample("slopes", dist.Normal(0, scale * variance**0.5).expand([COEFFICIENTS]).to_event(1))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(data["x"] @ (slopes * covariates), variance**0.5), obs=data["y"])


def regression_exact(scale: float, shape: float, rate: float, covariates: Any) -> float:
    used = X * covariates
    spread = rate / shape * (np.eye(SIZE) + scale**2 * used @ used.T)
    return float(multivariate_t(np.zeros(SIZE), spread, df=2 * shape).logpdf(OUTCOME))


# ------------------------------------------------------------------------------------------------- a hierarchy
SCHOOLS = RNG.normal(0.5, 1.2, 12)


def hierarchy_model(data: Any, *, center: float, spread: float, noise: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, center))
    with numpyro.plate("schools", len(SCHOOLS)):
        theta = numpyro.sample("theta", dist.Normal(mu, spread))
        numpyro.sample("y", dist.Normal(theta, noise), obs=data["y"])


def hierarchy_exact(center: float, spread: float, noise: float) -> float:
    size = len(SCHOOLS)
    covariance = (noise**2 + spread**2) * np.eye(size) + center**2
    return float(multivariate_normal(np.zeros(size), covariance).logpdf(SCHOOLS))


def study(name: str, data: Any, model: Any, estimand: Any, **decisions: Mapping[str, Any]) -> mv.Study:
    space = mv.Space(**{decision: mv.prior(dict(options)) for decision, options in decisions.items()})
    return mv.Study(name=name, data=data, model=model, estimands={"first": estimand}, space=space)


GRIDS: Mapping[str, Grid] = {
    "normal-normal": Grid(
        study(
            "normal-normal",
            {"y": HEIGHTS},
            normal_model,
            "mu",
            center=numbers(0.0, 0.5, 2.0, 5.0),
            scale=numbers(0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
            noise=numbers(1.5, 2.0, 2.5, 4.0),
        ),
        normal_exact,
    ),
    "beta-binomial": Grid(
        study(
            "beta-binomial",
            {"successes": SUCCESSES},
            binomial_model,
            "p",
            a=numbers(0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 30.0),
            b=numbers(0.5, 0.8, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 30.0),
        ),
        binomial_exact,
    ),
    "linear regression": Grid(
        study(
            "linear regression",
            {"x": X, "y": OUTCOME},
            regression_model,
            lambda draws, data: draws["slopes"][:, 0],
            scale=numbers(0.1, 0.3, 1.0, 3.0, 10.0),
            shape=numbers(1.0, 3.0, 10.0),
            rate=numbers(0.3, 1.0, 3.0),
            covariates=COVARIATES,
        ),
        regression_exact,
    ),
    "normal hierarchy": Grid(
        study(
            "normal hierarchy",
            {"y": SCHOOLS},
            hierarchy_model,
            "mu",
            center=numbers(0.5, 1.0, 2.0, 5.0, 10.0),
            spread=numbers(0.3, 0.6, 1.2, 2.4, 5.0),
            noise=numbers(0.5, 1.0, 2.0, 4.0),
        ),
        hierarchy_exact,
    ),
}

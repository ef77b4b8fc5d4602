"""Posteriors that are hard to answer, each with exact draws: a table that engines are held against.

A trap is a line of `TRAPS`. Exact draws are independent: by simulation, or from a fine grid of the few numbers given
which all others are normal. tests/statistical/test_traps.py holds every engine against each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy import linalg, stats

import multiverse as mv

Options = Mapping[str, Any]  # decision -> value of the universe's option
Draws = dict[str, np.ndarray]
EXACT = 200_000  # draws
NOTHING = {"y": np.zeros(1)}  # data of a trap that is all in its prior


@dataclass(frozen=True)
class Trap:
    """A model and what is known of it. exact: options of a universe -> estimand -> independent draws."""

    name: str
    model: Callable[..., None]
    options: Mapping[str, Mapping[str, Any]]  # decision -> label -> value
    estimands: Mapping[str, Any]
    exact: Callable[[Options, np.random.Generator], Draws]
    data: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def study(self) -> mv.Study:
        """All its universes."""
        space = mv.Space(**{name: mv.prior(dict(values)) for name, values in self.options.items()})
        return mv.Study(
            name=self.name, data=dict(self.data), model=self.model, estimands=dict(self.estimands), space=space
        )

    def draws(self, universe: Mapping[str, str]) -> Draws:
        """Exact draws of a universe, given the labels of its options."""
        values = {name: values[str(universe[name])] for name, values in self.options.items()}
        return self.exact(values, np.random.default_rng(20261121))


def _nothing_observed(data: Mapping[str, Any]) -> None:
    numpyro.sample("y", dist.Normal(0, 1), obs=data["y"])


def _first(site: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda draws: draws[site][:, 0]


def _taken(log_density: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Places on a grid, as often as their log density says."""
    share = np.exp(log_density - log_density.max())
    return rng.choice(len(share), EXACT, p=share / share.sum())


def _half_cauchy_grid(scale: float, points: int) -> np.ndarray:
    """Midpoints of cells that are equally probable under a half-Cauchy prior."""
    grid: np.ndarray = scale * np.tan(np.pi / 2 * (np.arange(points) + 0.5) / points)
    return grid


# Neal 2003, Slice sampling, Annals of Statistics 31(3), section 8: ten dimensions
def funnel(data: Mapping[str, Any], *, width: float) -> None:
    v = numpyro.sample("v", dist.Normal(0, width))
    with numpyro.plate("nine", 9):
        numpyro.sample("x", dist.Normal(0, jnp.exp(v / 2)))
    _nothing_observed(data)


def exact_funnel(of: Options, rng: np.random.Generator) -> Draws:
    v = of["width"] * rng.normal(size=EXACT)
    return {"v": v, "x": np.exp(v / 2) * rng.normal(size=EXACT)}


WIDE = 20.0


def two_modes(data: Mapping[str, Any], *, places: Any, first: float) -> None:
    """The likelihood has two modes; the prior reaches both, and starts near 0 one or two of them."""
    x = numpyro.sample("x", dist.Normal(0, WIDE))
    parts = dist.Categorical(probs=jnp.stack([first, 1 - first]))
    numpyro.sample("y", dist.MixtureSameFamily(parts, dist.Normal(x - places, 1.0)), obs=data["y"])


def exact_two_modes(of: Options, rng: np.random.Generator) -> Draws:
    weights = np.array([of["first"], 1 - of["first"]]) * stats.norm.pdf(of["places"], 0, np.sqrt(WIDE**2 + 1))
    component = rng.choice(2, EXACT, p=weights / weights.sum())
    shrunk = WIDE**2 / (WIDE**2 + 1)
    return {"x": shrunk * of["places"][component] + np.sqrt(shrunk) * rng.normal(size=EXACT)}


EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERROR = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


# Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.5; centered, mu ~ Normal(0, 5)
def eight_schools(data: Mapping[str, Any], *, scale: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(scale))
    with numpyro.plate("schools", 8):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, data["error"]), obs=data["effect"])


def exact_eight_schools(of: Options, rng: np.random.Generator) -> Draws:
    grid = _half_cauchy_grid(of["scale"], 200_000)
    tau, mu = _given_spread(grid, np.zeros(len(grid)), EFFECT, ERROR, rng)
    shrunk = tau**2 / (tau**2 + ERROR[0] ** 2)
    theta = mu + shrunk * (EFFECT[0] - mu) + ERROR[0] * np.sqrt(shrunk) * rng.normal(size=EXACT)
    return {"mu": mu, "tau": tau, "theta": theta}


def _given_spread(
    tau: np.ndarray, log_prior: np.ndarray, y: np.ndarray, error: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of tau and mu, where y ~ Normal(mu, sqrt(tau^2 + error^2)) and mu ~ Normal(0, 5); tau from a grid."""
    weight = 1 / (error**2 + tau[:, None] ** 2)
    precision = weight.sum(axis=1) + 1 / 25
    mean = (weight * y).sum(axis=1) / precision
    twice = (np.log(weight) - weight * y**2).sum(axis=1) - np.log(precision) + precision * mean**2
    at = _taken(log_prior + twice / 2, rng)
    return tau[at], mean[at] + rng.normal(size=EXACT) / np.sqrt(precision[at])


ALIKE = np.array([0.3, -0.2, 0.1, 0.5, -0.4, 0.2])  # closer to each other than their errors are large


def boundary(data: Mapping[str, Any], *, top: float) -> None:
    """A variance component: the likelihood is largest at 0, and the prior is flat."""
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.Uniform(0, top))
    numpyro.sample("y", dist.Normal(mu, jnp.sqrt(tau**2 + 1)), obs=data["y"])


def exact_boundary(of: Options, rng: np.random.Generator) -> Draws:
    edges = np.geomspace(1e-6, 1, 200_001) * of["top"]
    middle, size = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    tau, mu = _given_spread(middle, np.log(size), ALIKE, np.ones(6), rng)
    return {"mu": mu, "tau": tau}


SIGNALS = np.array([3.0, 1.0, 0.5, 0, 0, 0, 0, 0])
DESIGN = linalg.hadamard(16)[:, 1:9].astype(float)  # orthogonal: given tau, coefficients do not hang together
OUTCOMES = DESIGN @ SIGNALS + np.random.default_rng(3).normal(size=16)


# Carvalho, Polson, Scott 2010, The horseshoe estimator for sparse signals, Biometrika 97(2)
def horseshoe(data: Mapping[str, Any], *, scale: float) -> None:
    tau = numpyro.sample("tau", dist.HalfCauchy(scale))
    with numpyro.plate("coefficients", 8):
        spread = numpyro.sample("spread", dist.HalfCauchy(1.0))
        beta = numpyro.sample("beta", dist.Normal(0, tau * spread))
    numpyro.sample("y", dist.Normal((data["design"] * beta).sum(axis=-1), 1.0), obs=data["y"])


def exact_horseshoe(of: Options, rng: np.random.Generator) -> Draws:
    points, noise = 1000, 1 / 16
    estimate = DESIGN.T @ OUTCOMES / 16
    taus, spreads = _half_cauchy_grid(of["scale"], points), _half_cauchy_grid(1.0, points)
    variance = np.square(taus[:, None] * spreads)
    log_tau, tables = np.zeros(points), {}
    for j, b in enumerate(estimate):
        density = np.exp(-(b**2) / (variance + noise) / 2) / np.sqrt(variance + noise)
        log_tau += np.log(density.mean(axis=1))
        tables[j] = density.cumsum(axis=1)
    at = np.sort(_taken(log_tau, rng))
    draws = {"log tau": np.log(taus[at])}
    for name, j in (("strong", 0), ("weak", 2), ("none", 7)):
        spread = np.empty(EXACT, int)
        for place in np.unique(at):
            mine, row = at == place, tables[j][place]
            spread[mine] = np.searchsorted(row, rng.uniform(size=mine.sum()) * row[-1])
        shrunk = variance[at, spread] / (variance[at, spread] + noise)
        draws[name] = shrunk * estimate[j] + np.sqrt(shrunk * noise) * rng.normal(size=EXACT)
    return draws


TEN = 3 + np.random.default_rng(5).normal(size=10)


def widening(data: Mapping[str, Any], *, width: float) -> None:
    """From priors that overrule the data to priors that say nothing: an anchor knows no tail that it never visited."""
    mu = numpyro.sample("mu", dist.Normal(0, width))
    numpyro.sample("y", dist.Normal(mu, 1), obs=data["y"])


def exact_widening(of: Options, rng: np.random.Generator) -> Draws:
    precision = len(TEN) + 1 / of["width"] ** 2
    return {"mu": TEN.sum() / precision + rng.normal(size=EXACT) / np.sqrt(precision)}


def spike(data: Mapping[str, Any], *, width: float) -> None:
    """Half of the mass in a spike, half in a slab around it: a search for the mode ends in the spike."""
    parts = dist.Categorical(probs=jnp.array([0.5, 0.5]))
    numpyro.sample("x", dist.MixtureSameFamily(parts, dist.Normal(jnp.zeros(2), jnp.stack([width, 1.0]))))
    _nothing_observed(data)


def exact_spike(of: Options, rng: np.random.Generator) -> Draws:
    return {"x": np.where(np.arange(EXACT) % 2, of["width"], 1.0) * rng.normal(size=EXACT)}


def banana(data: Mapping[str, Any], *, bend: float, width: float) -> None:
    x = numpyro.sample("x", dist.Normal(0, 1))
    numpyro.sample("z", dist.Normal(bend * x**2, width))
    _nothing_observed(data)


def exact_banana(of: Options, rng: np.random.Generator) -> Draws:
    x = rng.normal(size=EXACT)
    return {"x": x, "z": of["bend"] * x**2 + of["width"] * rng.normal(size=EXACT)}


def tails(data: Mapping[str, Any], *, df: float) -> None:
    with numpyro.plate("three", 3):
        numpyro.sample("x", dist.StudentT(df, 0.0, 1.0))
    _nothing_observed(data)


def exact_tails(of: Options, rng: np.random.Generator) -> Draws:
    return {"x": rng.standard_t(of["df"], size=EXACT)}


PLACES = {"both near": np.array([-5.0, 5.0]), "one far": np.array([0.0, 30.0])}
SHARES = {"equal": 0.5, "ten to one": 10 / 11, "one to ten": 1 / 11}
SCHOOLS = {"error": ERROR, "effect": EFFECT}
COEFFICIENTS = {
    "strong": lambda d: d["beta"][:, 0],
    "weak": lambda d: d["beta"][:, 2],
    "none": lambda d: d["beta"][:, 7],
}
LOG_TAU = {"log tau": lambda draws: jnp.log(draws["tau"])}
SCALES = {"tiny": 0.01, "small": 0.3, "usual": 5.0, "huge": 1000.0}
WIDTHS = {"0.02": 0.02, "0.1": 0.1, "0.5": 0.5, "2": 2.0, "10": 10.0, "100": 100.0}

TRAPS = {
    trap.name: trap
    for trap in (
        Trap("funnel", funnel, {"width": {"1": 1.0, "3": 3.0}}, {"v": "v", "x": _first("x")}, exact_funnel),
        Trap("two modes", two_modes, {"places": PLACES, "first": SHARES}, {"x": "x"}, exact_two_modes),
        Trap(
            "eight schools",
            eight_schools,
            {"scale": SCALES},
            {"mu": "mu", "tau": "tau", "theta": _first("theta")},
            exact_eight_schools,
            SCHOOLS,
        ),
        Trap(
            "horseshoe",
            horseshoe,
            {"scale": {"0.1": 0.1, "1": 1.0}},
            LOG_TAU | COEFFICIENTS,
            exact_horseshoe,
            {"design": DESIGN, "y": OUTCOMES},
        ),
        Trap("widening", widening, {"width": WIDTHS}, {"mu": "mu"}, exact_widening, {"y": TEN}),
        Trap(
            "boundary",
            boundary,
            {"top": {"2": 2.0, "20": 20.0, "200": 200.0}},
            {"mu": "mu", "tau": "tau"},
            exact_boundary,
            {"y": ALIKE},
        ),
        Trap("spike", spike, {"width": {"0.1": 0.1, "0.01": 0.01, "0.001": 0.001}}, {"x": "x"}, exact_spike),
        Trap(
            "banana",
            banana,
            {"bend": {"1": 1.0, "3": 3.0}, "width": {"0.5": 0.5, "0.1": 0.1}},
            {"x": "x", "z": "z"},
            exact_banana,
        ),
        Trap("tails", tails, {"df": {"1": 1.0, "3": 3.0, "30": 30.0}}, {"x": _first("x")}, exact_tails),
    )
}

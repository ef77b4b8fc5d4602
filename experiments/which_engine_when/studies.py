"""Small posteriors that show what an engine sees and what it cannot: all have answers that are known in another way."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv

# ------------------------------------------------------------------------------------------------- skewed
EVENTS, TRIES = 1.0, 30.0


def rare_model(data: Any, *, a: float) -> None:
    p = numpyro.sample("p", dist.Beta(a, a))
    numpyro.sample("events", dist.Binomial(TRIES, p), obs=data["events"])


def log_odds(draws: Any) -> Any:
    return jnp.log(draws["p"]) - jnp.log1p(-draws["p"])


rare = mv.Study(
    name="a rare event",
    data={"events": EVENTS},
    model=rare_model,
    estimands={"log odds": log_odds},
    space=mv.Space(a=mv.prior({"0.5": 0.5})),
)

# ------------------------------------------------------------------------------------------------- funnels
SEEN = np.array([1.2, -0.4, 0.3])
WIDTHS = tuple(float(width) for width in np.geomspace(0.2, 6, 25).round(3))
FACTORS = (0.3, 1.0, 3.0, 8.0)


def funnel_model(data: Any, *, width: float, factor: float) -> None:
    v = numpyro.sample("v", dist.Normal(0, width))
    x = numpyro.sample("x", dist.Normal(0, jnp.exp(v / 2)).expand([len(SEEN)]).to_event(1))
    numpyro.sample("y", dist.Normal(x, 1.0).to_event(1), obs=factor * data["y"])


funnels = mv.Study(
    name="funnels",
    data={"y": SEEN},
    model=funnel_model,
    estimands={"v": "v"},
    space=mv.Space(
        width=mv.prior({str(width): width for width in WIDTHS}),
        factor=mv.decision("data", {str(factor): factor for factor in FACTORS}),
    ),
)


def funnel_truth(width: float, factor: float) -> tuple[float, float]:
    """Posterior mean and sd of v: given v each y is normal with variance 1 + exp(v), so one integral remains."""
    v = np.linspace(-9 * width, 9 * width, 20_001)
    variance = 1 + np.exp(v)[:, None]
    log_density = -((v / width) ** 2) / 2 - (np.log(variance) + (factor * SEEN) ** 2 / variance).sum(axis=1) / 2
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()
    mean = float((weights * v).sum())
    return mean, float(np.sqrt((weights * (v - mean) ** 2).sum()))


# ------------------------------------------------------------------------------------------------- anchors
RNG = np.random.default_rng(7)
X = RNG.normal(size=60)
Y = 0.8 * X + RNG.standard_t(4, size=60)
SCALES = tuple(float(scale) for scale in np.geomspace(0.03, 3, 10).round(3))
DEGREES = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 40.0, 80.0)


def slope_model(data: Any, *, scale: float, degrees: float) -> None:
    slope = numpyro.sample("slope", dist.Normal(0, scale))
    noise = numpyro.sample("noise", dist.HalfNormal(5))
    with mv.rows(data):
        numpyro.sample("y", dist.StudentT(degrees, slope * data["x"], noise), obs=data["y"])


slopes = mv.Study(
    name="slopes",
    data={"x": X, "y": Y},
    model=slope_model,
    estimands={"slope": "slope"},
    space=mv.Space(
        scale=mv.prior({f"{scale:g}": scale for scale in SCALES}),
        degrees=mv.likelihood({f"{df:g}": df for df in DEGREES}),
    ),
)

# ------------------------------------------------------------------------------------------------- two modes
PRIOR, SECOND = 10.0, 0.7  # sd of the prior; the share of the mass that the second mode has
PLACES = {"12": 12.0, "45": 45.0}


def bump(x: Any, place: float) -> Any:
    return -((x - place) ** 2) / 2 + (place / PRIOR) ** 2 / 2  # the prior's fall is made up for


def modes_model(data: Any, *, place: float) -> None:
    x = numpyro.sample("x", dist.Normal(0, PRIOR))
    both = jnp.stack([jnp.log(1 - SECOND) + bump(x, 0.0), jnp.log(SECOND) + bump(x, place)])
    top = both.max(axis=0)
    numpyro.factor("two modes", top + jnp.log(jnp.exp(both - top).sum(axis=0)))


two_modes = mv.Study(
    name="two modes",
    data={"nothing": 0.0},
    model=modes_model,
    estimands={"x": "x"},
    space=mv.Space(place=mv.decision("likelihood", dict(PLACES))),
)

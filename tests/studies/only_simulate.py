"""A queue with one server (M/M/1 or M/G/1) and a stochastic epidemic: their likelihoods are not known, but both run."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

import multiverse as mv

CUSTOMERS, DAYS, PEOPLE = 40, 20, 1000.0


def departures() -> dict[str, np.ndarray]:
    """Minutes between departures, of customers that arrive every 4 minutes and are served in 3, on average."""
    source = np.random.default_rng(5)
    arrived, busy, left = 0.0, 0.0, []
    for _ in range(CUSTOMERS):
        arrived += source.exponential(4.0)
        busy = max(busy, arrived) + source.exponential(3.0)
        left.append(busy)
    return {"gaps": np.diff([0.0, *left])}


def without_the_first(raw, *, warm_up):
    return {"gaps": raw["gaps"][warm_up:], "first": np.arange(warm_up, len(raw["gaps"]))}


def rates(*, arrivals):
    return {"arrival": arrivals, "service": dist.LogNormal(np.log(3.0), 0.5)}


def serve(key, parameters, data, *, law):
    """Lindley's recursion: who comes waits for the one before, and the server waits for who comes."""
    coming, working = jax.random.split(key)
    between = jax.random.exponential(coming, (CUSTOMERS,)) * parameters["arrival"]
    if law == "exponential":
        service = jax.random.exponential(working, (CUSTOMERS,)) * parameters["service"]
    else:
        service = jnp.exp(0.5 * jax.random.normal(working, (CUSTOMERS,)) - 0.125) * parameters["service"]

    def customer(left, of):
        arrived, takes = of
        now = jnp.maximum(left, arrived) + takes
        return now, now - left

    _, gaps = jax.lax.scan(customer, jnp.zeros(()), (jnp.cumsum(between), service))
    return {"gaps": gaps[data["first"]]}


queue = mv.Study(
    "queue",
    data=departures,
    prepare=without_the_first,
    prior=rates,
    simulate=serve,
    estimands={"service": "service", "load": lambda draws, data: draws["service"] / draws["arrival"]},
    space=mv.Space(
        warm_up=mv.preprocessing({"kept": 0, "first ten left out": 10}),
        arrivals=mv.prior(wide=dist.LogNormal(1.4, 1.0), narrow=dist.LogNormal(1.4, 0.3)),
        law=mv.likelihood({"M/M/1": "exponential", "M/G/1": "lognormal"}),
    ),
)


def cases() -> np.ndarray:
    """New cases a day, as they were reported."""
    return np.array([2, 1, 4, 3, 6, 5, 9, 14, 13, 18, 25, 27, 31, 40, 38, 45, 41, 44, 39, 36], dtype=float)


def spread(key, parameters, data, *, noise):
    """Susceptible, infected, recovered: a step a day with the noise of a population that is finite (Langevin)."""
    walk, report = jax.random.split(key)

    def day(state, normal):
        susceptible, infected = state
        new = parameters["contacts"] * susceptible * infected / PEOPLE
        new = jnp.clip(new + jnp.sqrt(new) * normal[0], 0.0, susceptible)
        gone = infected / parameters["days"]
        gone = jnp.clip(gone + jnp.sqrt(gone) * normal[1], 0.0, infected)
        return (susceptible - new, infected + new - gone), new

    start = jnp.array(PEOPLE - 5), jnp.array(5.0)
    _, new = jax.lax.scan(day, start, jax.random.normal(walk, (DAYS, 2)))
    return 0.5 * new + noise * jnp.sqrt(0.5 * new + 1.0) * jax.random.normal(report, data.shape)


epidemic = mv.Study(
    "epidemic",
    data=cases,
    prior={"contacts": dist.LogNormal(-0.7, 0.5), "days": dist.LogNormal(1.5, 0.3)},
    simulate=spread,
    estimands={"R0": lambda draws: draws["contacts"] * draws["days"]},
    space=mv.Space(noise=mv.likelihood({"Poisson": 1.0, "twice": 2.0})),
)

"""The problem both sides solve, `experiments/eight_schools_multiverse/study.py`, written out for a peer.

A peer needs a simulator, features and a log joint by hand. `tests/experiments/test_amortized_vs_bayesflow.py` compares
the log joint with that of the study. Coordinates, so that all are about 1: u = (mu / center, log(tau / spread), eta),
where a school's effect is mu + tau eta and eta is a t variate.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

CENTERS: Final = (20.0, 5.0, 100.0)
SPREADS: Final = (5.0, 2.0, 15.0, 50.0)
TAILS: Final = (30.0, 8.0, 3.0)
EFFECT: Final = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERROR: Final = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
SCHOOLS: Final = len(EFFECT)
DIMENSION: Final = 2 + SCHOOLS


class Universe(NamedTuple):
    """Arrays over universes, (n,): center, spread, tails; kept: (n, school), 1.0 where a school was not left out."""

    center: Any
    spread: Any
    tails: Any
    kept: Any


class Pairs(NamedTuple):
    """n universes, each with parameters u (n, dimension) that were drawn from its prior, and data y (n, school)."""

    universe: Universe
    u: Any
    y: Any


def universes() -> Universe:
    """The 324 posteriors of the study: how the model is written does not matter to them."""
    left_out = np.vstack([np.ones(SCHOOLS), 1.0 - np.eye(SCHOOLS)])  # (9, school)
    grid = np.meshgrid(CENTERS, SPREADS, TAILS, np.arange(len(left_out)), indexing="ij")
    center, spread, tails, out = (axis.ravel() for axis in grid)
    return Universe(center, spread, tails, left_out[out.astype(int)])


def simulate(key: Any, n: int) -> Pairs:
    """n pairs of a universe drawn uniformly, and parameters and data drawn from its model. Traceable in `key`."""
    every = jax.tree.map(jnp.asarray, universes())
    keys = jax.random.split(key, 5)
    which = jax.random.randint(keys[0], (n,), 0, len(every.center))
    universe = jax.tree.map(lambda axis: axis[which], every)
    mu = jax.random.normal(keys[1], (n,))
    log_tau = jnp.log(jnp.abs(jax.random.normal(keys[2], (n,))))
    eta = jax.random.t(keys[3], universe.tails[:, None], (n, SCHOOLS))
    u = jnp.column_stack([mu, log_tau, eta])
    return Pairs(universe, u, effects(universe, u) + ERROR * jax.random.normal(keys[4], (n, SCHOOLS)))


def effects(universe: Universe, u: Any) -> Any:
    """The effects of the schools, (n, school), in points."""
    mu, tau = universe.center * u[:, 0], universe.spread * jnp.exp(u[:, 1])
    return mu[:, None] + tau[:, None] * u[:, 2:]


def log_joint(universe: Universe, u: Any, y: Any) -> Any:
    """The log joint density, (n,), of the data and of u, in nats."""
    prior = dist.Normal().log_prob(u[:, 0]) + dist.HalfNormal().log_prob(jnp.exp(u[:, 1])) + u[:, 1]
    prior += dist.StudentT(universe.tails[:, None]).log_prob(u[:, 2:]).sum(axis=1)
    each = dist.Normal(effects(universe, u), ERROR).log_prob(y)
    return prior + (universe.kept * each).sum(axis=1)


def features(universe: Universe, y: Any) -> Any:
    """What a network sees, (n, 23): the options as numbers, the data and cheap summaries of them, all about 1."""
    weight = universe.kept / ERROR**2
    mean = (weight * y).sum(axis=1) / weight.sum(axis=1)
    apart = universe.kept * (y - mean[:, None]) / ERROR
    chi2 = (apart**2).sum(axis=1) / (universe.kept.sum(axis=1) - 1)
    numbers = [jnp.log(universe.center / 20), jnp.log(universe.spread / 10), 5 / universe.tails]
    told = [mean / universe.center, jnp.arcsinh(mean / 5), jnp.log(chi2), jnp.log(jnp.abs(apart).max(axis=1))]
    return jnp.column_stack([*numbers, *told, universe.kept, jnp.arcsinh(apart)])


def at_the_real_data() -> Pairs:
    """The 324 universes with the data of Rubin 1981; u is not known, and NaN."""
    universe = universes()
    n = len(universe.center)
    return Pairs(universe, np.full((n, DIMENSION), np.nan), np.broadcast_to(EFFECT, (n, SCHOOLS)))


def held_out(n: int = 200, seed: int = 20_261_122) -> Pairs:
    """Pairs that no side trains on."""
    return jax.device_get(jax.jit(simulate, static_argnums=1)(jax.random.key(seed), n))

"""How good answers are, judged alike for both sides: PSIS k-hat and importance ESS against the exact log joint."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from problem import DIMENSION, Pairs, log_joint

from multiverse.engines.weighing.psis import smooth

GOOD_KHAT: Final = 0.7  # Vehtari et al. 2024, JMLR 25(72)


class Quality(NamedTuple):
    """Of many universes: the share with k-hat below 0.7; importance ESS a draw, median and 5th percentile."""

    good: float
    ess: float
    ess_low: float


def quality(log_weights: np.ndarray) -> Quality:
    """Of log weights (universe, draw), in nats; one that is not a number weighs nothing, an answer of none is bad."""
    raw = np.where(np.isnan(log_weights), -np.inf, log_weights)
    khat, smoothed = smooth(raw)
    ess = np.zeros(len(raw))
    usable = np.isfinite(smoothed).any(axis=1)
    weights = np.exp(smoothed[usable] - smoothed[usable].max(axis=1, keepdims=True))
    ess[usable] = weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1) / raw.shape[1]
    return Quality(float(np.mean(khat < GOOD_KHAT)), float(np.median(ess)), float(np.quantile(ess, 0.05)))


@jax.jit
def log_joints(pairs: Pairs, draws: Any) -> Any:
    """(universe, draw): the exact log joint of draws (universe, draw, dimension) of u."""
    n, each, _ = draws.shape
    universe, _, y = jax.tree.map(lambda axis: jnp.repeat(axis, each, axis=0), pairs)
    return log_joint(universe, draws.reshape(-1, DIMENSION), y).reshape(n, each)


def judged(pairs: Pairs, draws: Any, log_q: Any) -> Quality:
    """Of draws (universe, draw, dimension) of u with their log densities (universe, draw)."""
    return quality(np.asarray(log_joints(pairs, draws), np.float64) - np.asarray(log_q, np.float64))

"""Tuning: the cross-entropy of the posterior that weighed draws tell."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from multiverse.engines.amortized.tuning import Tuning


def test_it_is_the_weighed_cross_entropy_of_the_draws() -> None:
    random = np.random.default_rng(0)
    log_joint, log_q = random.normal(size=(2, 200)) / 2
    log_weights = log_joint - log_q
    most = special.logsumexp(log_weights) - np.log(200) / 2  # sqrt(200) times the mean weight
    assert (log_weights > most).sum() == 0
    weights = special.softmax(log_weights)
    assert float(Tuning().of(jnp.asarray(log_joint), jnp.asarray(log_q))) == pytest.approx(-(weights * log_q).sum())


def test_a_weight_is_no_larger_than_the_root_of_the_draws_times_the_mean() -> None:
    log_joint, log_q = np.zeros(100), np.zeros(100)
    log_joint[7], log_q[7] = np.log(1000) - 3, -3.0
    # One draw weighs 1,000 and 99 weigh 1, in the mean 10.99: the one counts for 109.9.
    value = float(Tuning().of(jnp.asarray(log_joint), jnp.asarray(log_q)))
    assert value == pytest.approx(3 * 109.9 / (109.9 + 99), rel=1e-6)


def test_draws_without_a_log_joint_have_no_weight() -> None:
    log_joint, log_q = np.array([0.3, np.nan, -np.inf, 1.0]), np.array([-1.0, -2.0, -3.0, -4.0])
    kept = [0, 3]
    loss = jax.value_and_grad(lambda log_q: Tuning().of(jnp.asarray(log_joint), log_q))
    value, slope = loss(jnp.asarray(log_q))
    log_weights = (log_joint - log_q)[kept]
    most = special.logsumexp(log_weights) - np.log(4) / 2
    weights = special.softmax(np.minimum(log_weights, most))
    assert float(value) == pytest.approx(-(weights * log_q[kept]).sum(), rel=1e-6)
    assert np.asarray(slope)[kept] == pytest.approx(-weights, rel=1e-6)  # weights themselves have no slope
    assert not np.asarray(slope)[[1, 2]].any()


def test_no_draw_with_a_log_joint_says_nothing() -> None:
    loss = jax.value_and_grad(lambda log_q: Tuning().of(jnp.full(8, jnp.nan), log_q))
    value, slope = loss(jnp.zeros(8))
    assert value == 0 and not np.asarray(slope).any()

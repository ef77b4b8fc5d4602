"""Self-consistency: 0 where the network is the posterior, else the variance of what should be constant."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from multiverse.engines.amortized.consistency import Consistency
from multiverse.engines.amortized.network import Flow, Inputs, Shape
from multiverse.engines.amortized.student import DF
from multiverse.engines.amortized.unlabelled import unlabelled_loss
from multiverse.planning.tracing import QUICK_COMPILE

OBSERVED = np.array([[2.2, -1.8], [1.5, 2.0], [-2.4, 0.3], [0.4, -0.6]], np.float32)  # real data, some in the tails


def real(arguments: Any) -> list[Inputs]:
    return [Inputs(arguments["y"])]


def shares(count: int) -> list[int]:
    return [count]


@pytest.fixture(scope="module")
def loss_of() -> Any:
    """(what is added to the log joint, where it is cut, step) -> the loss of a network that is a t of `DF`."""
    flow = Flow(Shape(2, 2, couplings=2, width=8, conditioner=4))

    def log_joint(arguments: Any, place: int, index: Any, u: Any) -> Any:
        radius = (u**2).sum(axis=1)
        exact = 7.0 * index - (DF + 2) / 2 * jnp.log1p(radius / DF)  # no constant has to be known
        return jnp.where(u[:, 0] > arguments["cut"], jnp.nan, exact + arguments["tilt"] * u[:, 0])

    loss = unlabelled_loss(flow, [Consistency(after=10, draws=200, universes=3)], log_joint, real, shares)
    weights = {name: array[0] for name, array in flow.start(0).items()}

    def of(tilt: float, cut: float, step: int) -> tuple[Any, Any]:
        arguments = {"y": OBSERVED, "tilt": np.float32(tilt), "cut": np.float32(cut)}
        key = jax.random.key(0)
        return run(weights, arguments, key, np.int32(step))

    run = jax.jit(jax.value_and_grad(loss), compiler_options=dict(QUICK_COMPILE))
    return of


def test_it_is_0_where_the_network_is_the_posterior(loss_of: Any) -> None:
    assert loss_of(0.0, np.inf, 10)[0] == pytest.approx(0, abs=1e-9)


def test_it_is_the_variance_of_what_should_be_constant(loss_of: Any) -> None:
    """A log joint tilted by u has the variance of u, that of a t: 1.2; of 200 draws, its error is some 0.15."""
    value, gradient = loss_of(1.0, np.inf, 10)
    variance = stats.t(DF).var()
    assert np.expm1(value) == pytest.approx(variance, abs=4 * variance * np.sqrt((stats.t(DF).stats("k") + 2) / 600))
    assert any(np.abs(part).max() > 0 for part in gradient.values())


def test_it_waits_for_the_network_to_learn(loss_of: Any) -> None:
    value, gradient = loss_of(1.0, np.inf, 9)
    assert value == 0 and all((part == 0).all() for part in gradient.values())


def test_draws_without_a_log_joint_are_left_out(loss_of: Any) -> None:
    value, gradient = loss_of(0.0, 0.5, 10)
    assert value == pytest.approx(0, abs=1e-9)
    assert all(np.isfinite(part).all() for part in gradient.values())
    assert 0 < loss_of(1.0, 0.5, 10)[0] < loss_of(1.0, np.inf, 10)[0]  # a cut distribution varies less

"""Self-consistency: what a network must say about real data, without knowing any parameter behind them.

By Bayes' rule, log p(u, y) - log q(u | y) is log p(y) for every u if q is the posterior: its variance over draws of u
is 0 then, and a loss that needs the log joint but no label.
Source: Schmitt, Ivanova, Habermann, Köthe, Bürkner and Radev 2024, Leveraging self-consistency for data-efficient
amortized Bayesian inference, ICML, arXiv:2310.04395; equation 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from multiverse.engines.amortized.network import Flow, Inputs
from multiverse.engines.amortized.training import ExtraLoss

LogJoint = Callable[[Any, Any, Any], Any]
"""(arguments, index of a universe, u (L, dimension)) -> (L,) log joint in coordinates of u, in nats. It is traced."""

Real = Callable[[Any], Inputs]
"""arguments -> what the network sees of all m real universes, with the axis m first. It is traced."""


@dataclass(frozen=True)
class Consistency:
    """How much self-consistency counts.

    weight: of it in the loss. draws: of each universe, whose variance it is. universes: real ones of a step, drawn
    anew. after: steps without it, until the network's draws lie about where the posterior is.
    """

    weight: float = 1.0
    draws: int = 16
    universes: int = 8
    after: int = 250


def consistency_loss(flow: Flow, settings: Consistency, log_joint: LogJoint, real: Real) -> ExtraLoss:
    """What `Trainer` adds to the loss of simulations; 0 in the first `settings.after` steps.

    It grows as the logarithm of a large variance, so that one universe where the network is far off, or a log joint
    with a cliff, does not drown the simulations. Draws whose log joint is not finite are left out.
    """
    import jax
    import jax.numpy as jnp

    def of_universe(weights: Any, arguments: Any, index: Any, inputs: Inputs, key: Any) -> Any:
        u = jax.lax.stop_gradient(flow.draw_of(weights, inputs, key, settings.draws))
        joint = jax.lax.stop_gradient(jnp.asarray(log_joint(arguments, index, u), jnp.float32))
        one = jax.tree.map(lambda part: part[None], inputs)
        finite = jnp.isfinite(joint)
        apart = jnp.where(finite, jnp.where(finite, joint, 0.0) - flow.log_density_of(weights, one, u), 0.0)
        count = jnp.maximum(finite.sum(), 2)
        mean = apart.sum() / count
        variance = jnp.where(finite, (apart - mean) ** 2, 0.0).sum() / (count - 1)
        return jnp.log1p(variance)

    def loss(weights: Any, arguments: Any, key: Any, step: Any) -> Any:
        inputs = real(arguments)
        of_universes, of_draws = jax.random.split(key)
        count = inputs.plain.shape[0]
        some = min(settings.universes, count)
        index = jax.random.permutation(of_universes, jnp.arange(count, dtype=jnp.int32))[:some]
        mine = jax.tree.map(lambda part: part[index], inputs)
        each = jax.vmap(of_universe, in_axes=(None, None, 0, 0, 0))

        def on() -> Any:
            keys = jax.random.split(of_draws, some)
            return settings.weight * each(weights, arguments, index, mine, keys).mean()

        return jax.lax.cond(step >= settings.after, on, lambda: jnp.float32(0.0))

    return loss

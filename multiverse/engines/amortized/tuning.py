"""Tuning: the network is trained on the posteriors of the real universes too, as far as its own draws tell them.

Draws of the network, weighed by log joint - log q, are a sample of the posterior: the gradient of -sum of weights times
log q is that of the forward Kullback-Leibler divergence from posterior to network, estimated from these draws. It needs
no label, and pulls the network wider where it is too narrow, which is what k-hat punishes.
Sources: Bornschein and Bengio 2015, Reweighted wake-sleep, ICLR, arXiv:1406.2751 (its wake-phase q update); Müller et
al. 2019, Neural importance sampling, doi:10.1145/3341156, section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tuning:
    """How a network is tuned on the universes that it is to answer, beside its simulations.

    weight: of it in the loss. draws: of each universe, weighed. universes: real ones of a step, drawn anew. after:
    steps without it, until the network's draws lie about where the posterior is.
    """

    weight: float = 1.0
    draws: int = 32
    universes: int = 16
    after: int = 500

    def of(self, log_joint: Any, log_q: Any) -> Any:
        """The loss of one universe; log_joint, log_q: (draw,) of the network's draws, in nats. Traceable.

        Weights are at most sqrt(draws) times their mean (Ionides 2008, Truncated importance sampling,
        doi:10.1198/106186008X320456): so one draw does not say it all. Draws whose log joint is not finite have none.
        """
        import jax
        import jax.numpy as jnp

        finite = jnp.isfinite(log_joint)
        log_weights = jax.lax.stop_gradient(jnp.where(finite, jnp.where(finite, log_joint, 0.0) - log_q, -jnp.inf))
        most = jax.nn.logsumexp(log_weights) - 0.5 * jnp.log(log_weights.shape[0])
        weights = jax.nn.softmax(jnp.minimum(log_weights, most))
        weights = jnp.where(jnp.isnan(weights), 0.0, weights)  # of a universe where no draw has one
        return -(weights * jnp.where(weights > 0, log_q, 0.0)).sum()

"""Self-consistency: what a network must say about real data, without knowing any parameter behind them.

By Bayes' rule, log p(u, y) - log q(u | y) is log p(y) for every u if q is the posterior: its variance over draws of u
is 0 then, and a loss that needs the log joint but no label.
Source: Schmitt, Ivanova, Habermann, Köthe, Bürkner and Radev 2024, Leveraging self-consistency for data-efficient
amortized Bayesian inference, ICML, arXiv:2310.04395; equation 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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

    def of(self, log_joint: Any, log_q: Any) -> Any:
        """The loss of one universe; log_joint, log_q: (draw,) of the network's draws, in nats. Traceable.

        It grows as the logarithm of a large variance, so that one universe where the network is far off, or a log
        joint with a cliff, does not drown the simulations. Draws whose log joint is not finite are left out.
        """
        import jax.numpy as jnp

        finite = jnp.isfinite(log_joint)
        apart = jnp.where(finite, jnp.where(finite, log_joint, 0.0) - log_q, 0.0)
        count = jnp.maximum(finite.sum(), 2)
        mean = apart.sum() / count
        variance = jnp.where(finite, (apart - mean) ** 2, 0.0).sum() / (count - 1)
        return jnp.log1p(variance)

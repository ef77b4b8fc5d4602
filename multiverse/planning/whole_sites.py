"""Observed sites as wide as what they observe: `numpyro.sample("y", Normal(mu, 1), obs=y)` has a density for each of y.

NumPyro broadcasts the values against the distribution. Sampled, such a site would give one number for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def whole(model: Callable[..., Any]) -> Callable[..., Any]:
    """The model with the distribution of every observed site expanded to the shape of its values."""
    from numpyro.primitives import Messenger

    class Whole(Messenger):  # type: ignore[misc]
        def process_message(self, msg: Any) -> None:
            if msg["type"] == "sample" and msg["is_observed"] and hasattr(msg["fn"], "expand"):
                import jax.numpy as jnp

                fn, shape = msg["fn"], jnp.shape(msg["value"])
                batch = shape[: len(shape) - fn.event_dim]
                if len(batch) >= len(fn.batch_shape) and batch != fn.batch_shape:
                    msg["fn"] = fn.expand(batch)

    found: Callable[..., Any] = Whole(model)
    return found

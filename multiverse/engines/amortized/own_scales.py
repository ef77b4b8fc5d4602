"""Where the prior of one universe puts its latents and its data: the scale on which its own network answers are told.

Priors of a space may differ in width by orders of magnitude, and a network should not have to learn that. A few
simulations under the universe, always with the same random numbers, so that scales follow the options smoothly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from multiverse.engines.amortized.family import Opened
from multiverse.engines.amortized.whitening import Spread

SIMULATED: Final = 64  # of a universe: a quartile has an error of 0.2 sds, the same for all universes
NORMAL_QUARTILES: Final = 1.349  # their distance, in sds of a normal
LEAST: Final = 1e-6  # of a scale, where the prior is a point


class Own(NamedTuple):
    """spread: of the latents. data: by observed site, middle and scale of each number."""

    spread: Spread
    data: Mapping[str, tuple[Any, Any]]


def own_scales(opened: Opened) -> Callable[[Mapping[str, Any]], Own]:
    """`leaves -> Own`, of a universe of the program. Traceable; what of the data is not used is not simulated."""
    import jax
    import jax.numpy as jnp

    def quartiles(values: Any) -> tuple[Any, Any]:
        ordered = jnp.sort(jnp.nan_to_num(values.astype(jnp.float32)), axis=0)
        low, middle, high = (ordered[int(share * (SIMULATED - 1))] for share in (0.25, 0.5, 0.75))
        return middle, jnp.maximum((high - low) / NORMAL_QUARTILES, LEAST)

    def own(leaves: Mapping[str, Any]) -> Own:
        keys = jax.random.split(jax.random.key(0, impl="threefry2x32"), SIMULATED)
        drawn = jax.vmap(lambda key: opened.simulate(leaves, key))(keys)
        return Own(Spread(*quartiles(drawn.z)), {name: quartiles(values) for name, values in drawn.observed.items()})

    return own

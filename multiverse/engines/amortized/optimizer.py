"""Keras' Adam with a falling learning rate, as a pure function of one network's weights and its own state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.keras_backend import keras

CLIP: Final = 5.0  # norm of a gradient at most; as the package sbi trains (Tejero-Cantero et al. 2020, JOSS 5(52))
FINAL_RATE: Final = 1 / 20  # of the learning rate, where its cosine ends

Update = Callable[[Mapping[str, Any], Mapping[str, Any], Sequence[Any]], tuple[dict[str, Any], tuple[Any, ...]]]
"""(gradient, weights, state) of one network -> weights and state after a step; what is not finite moves nothing."""


def optimizer(sizes: Mapping[str, tuple[int, ...]], rate: float, steps: int) -> tuple[tuple[np.ndarray, ...], Update]:
    """The state before the first step, and the step, for one network whose weights have these shapes.

    rate: falls over `steps` as a cosine to `FINAL_RATE` of it, and stays there.
    """
    import jax
    import jax.numpy as jnp

    of = keras().optimizers
    adam = of.Adam(of.schedules.CosineDecay(rate, steps, alpha=FINAL_RATE), global_clipnorm=CLIP)
    adam.build([keras().Variable(np.zeros(size, np.float32), dtype="float32") for size in sizes.values()])
    start = tuple(np.asarray(variable.value) for variable in adam.variables)

    def update(
        gradient: Mapping[str, Any], weights: Mapping[str, Any], state: Sequence[Any]
    ) -> tuple[dict[str, Any], tuple[Any, ...]]:
        names = list(sizes)
        finite = jnp.isfinite(sum((part**2).sum() for part in jax.tree.leaves(gradient)))
        old = [weights[name] for name in names], list(state)
        new = adam.stateless_apply(list(state), [gradient[name] for name in names], old[0])
        moved, after = jax.tree.map(lambda new, old: jnp.where(finite, new, old), (list(new[0]), list(new[1])), old)
        return dict(zip(names, moved, strict=True)), tuple(after)

    return start, update

"""How improbable a network takes the parameters of simulations to be that it never saw: overfitting makes it worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from multiverse.engines.amortized.learner import Learner
from multiverse.engines.amortized.network import Weights
from multiverse.engines.diagnostics import Floats
from multiverse.planning.tracing import QUICK_COMPILE, compiled, here


def held_out_losses(
    learner: Learner, weights: Weights, place: int, leaves: Mapping[str, np.ndarray], z: np.ndarray
) -> Floats:
    """Minus the log density of each simulation's latents, (simulation,), in nats; in whitened coordinates.

    leaves, z: as `Learner.held_out` gives them. NaN where the simulation is none of numbers.
    """
    import jax

    with jax.enable_x64(False):
        key = "held-out loss", place, len(z), str(here())
        call = dict(learner.subject.constants), dict(weights), dict(leaves), z.astype(np.float32)
        # It runs once a segment: compiled in a third of the time, it may run longer.
        run = learner.programs.get(key, lambda: compiled(_losses(learner, place), *call, options=QUICK_COMPILE))
        return np.asarray(run(*call), np.float64)


def _losses(learner: Learner, place: int) -> Any:
    import jax

    def one(constants: Any, weights: Any, leaves: Any, z: Any) -> Any:
        inputs, white = learner.subject.look(place, constants, leaves)  # as it is answered: the truth is not known
        learnt = z[learner.subject.family.opened[place].learnt]
        log_density, _ = learner.flow.log_mixture(weights, inputs, white.u(learnt)[None])
        return -log_density[0]

    return jax.vmap(one, in_axes=(None, None, 0, 0))

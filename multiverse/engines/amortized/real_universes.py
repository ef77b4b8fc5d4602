"""The real universes of a family as a training may look at them: their data, and no parameter behind these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.network import Inputs
from multiverse.engines.amortized.simulations import Subject
from multiverse.engines.amortized.whitening import White
from multiverse.planning.tracing import compiled

REAL: Final = "real"  # among the arguments of a training: what `real_universes` gives
REAL_MAX: Final = 512  # universes of a program: each is looked at beforehand, for some milliseconds


def real_universes(subject: Subject) -> list[dict[str, Any]]:
    """By program: leaves of its universes, what the network sees of each (`inputs`), and their whitening (`white`).

    Keys are hashes, so the first ones are a random sample. Compiles a small program for each program of the family.
    """
    import jax

    found = []
    for place, opened in enumerate(subject.family.opened):
        leaves = opened.program.gather(sorted(opened.program.members)[:REAL_MAX], "float32")

        def look(constants: Any, leaves: Any, place: int = place) -> Any:
            return jax.lax.map(lambda one: subject.look(place, constants, one), leaves)

        constants = dict(subject.constants)
        inputs, white = jax.tree.map(np.asarray, compiled(look, constants, leaves)(constants, leaves))
        found.append({"leaves": leaves, "inputs": inputs, "white": white})
    return found


def inputs_of(arguments: Any) -> list[Inputs]:
    """What the network sees of the real universes, by program, from the arguments of a training."""
    return [known["inputs"] for known in arguments[REAL]]


def log_joint_of(subject: Subject) -> Callable[[Any, int, Any, Any], Any]:
    """`(arguments, place, index, u (draw, dimension)) -> (draw,)`: the log joint of a universe, up to a constant.

    `arguments[REAL]` has to hold the real universes. Traceable.
    """
    import jax
    import jax.numpy as jnp

    def log_joint(arguments: Any, place: int, index: Any, u: Any) -> Any:
        known = arguments[REAL][place]
        white: White = jax.tree.map(lambda part: jnp.asarray(part)[index], known["white"])
        leaves = {path: jnp.asarray(leaf)[index] for path, leaf in known["leaves"].items()}
        return -jax.vmap(lambda z: subject.family.opened[place].learnt_potential(leaves, z))(white.z(u))

    return log_joint

"""The real universes of a family as a training may look at them: their data, and no parameter behind these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.network import Inputs
from multiverse.engines.amortized.simulations import Subject
from multiverse.engines.amortized.space_of import universe_at
from multiverse.engines.amortized.whitening import White
from multiverse.planning.tracing import compiled

REAL: Final = "real"  # among the arguments of a training: what `real_universes` gives
REAL_MAX: Final = 512  # universes of a program: each is looked at beforehand, for some milliseconds
REAL_LEAST: Final = 32  # however much memory what the network sees of them takes
REAL_BYTES: Final = 256 << 20  # of rows that the network sees, of all programs of a family together


def real_universes(subject: Subject) -> list[dict[str, Any]]:
    """By program: what the network sees of each of its universes (`inputs`), and their whitening (`white`).

    Keys are hashes, so the first ones are a random sample. Compiles a small program for each program of the family.
    """
    import jax

    found, constants, layout = [], dict(subject.constants), subject.layout
    rows = REAL_BYTES // max(4 * layout.rows * layout.row * layout.programs, 1)  # universes whose rows have room
    for place, space in enumerate(subject.arguments["spaces"]):

        def look(constants: Any, space: Any, numbers: Any, place: int = place) -> Any:
            return jax.lax.map(lambda one: subject.look(place, constants, universe_at(space, one)), numbers)

        numbers = np.arange(min(len(space.members), REAL_MAX, max(rows, REAL_LEAST)), dtype=np.int32)
        call = constants, space, numbers
        inputs, white = jax.tree.map(np.asarray, compiled(look, *call)(*call))
        found.append({"inputs": inputs, "white": white})
    return found


def inputs_of(arguments: Any) -> list[Inputs]:
    """What the network sees of the real universes, by program, from the arguments of a training."""
    return [known["inputs"] for known in arguments[REAL]]


def log_joint_of(subject: Subject) -> Callable[[Any, int, Any, Any], Any]:
    """`(arguments, place, index, u (draw, dimension)) -> (draw,)`: the log joint of a universe, up to a constant.

    `arguments` are those of the subject, with what `real_universes` gives as `REAL`. Traceable.
    """
    import jax
    import jax.numpy as jnp

    def log_joint(arguments: Any, place: int, index: Any, u: Any) -> Any:
        known = arguments[REAL][place]
        white: White = jax.tree.map(lambda part: jnp.asarray(part)[index], known["white"])
        leaves = universe_at(jax.tree.map(jnp.asarray, arguments["spaces"][place]), index)
        return -jax.vmap(lambda z: subject.family.opened[place].learnt_potential(leaves, z))(white.z(u))

    return log_joint

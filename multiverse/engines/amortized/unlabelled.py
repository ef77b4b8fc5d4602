"""The real universes of a family as a training may look at them: their data, and no parameter behind these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.consistency import Consistency, consistency_loss
from multiverse.engines.amortized.network import Flow, Inputs
from multiverse.engines.amortized.simulations import Subject
from multiverse.engines.amortized.training import ExtraLoss
from multiverse.engines.amortized.whitening import White
from multiverse.planning.tracing import compiled

REAL: Final = "real"  # among the arguments of a training: what `real_universes` gives
REAL_MAX: Final = 64  # universes of a program: more say hardly more of one network, and each is looked at beforehand


def real_universes(subject: Subject) -> dict[str, Any]:
    """Leaves by program, what the network sees of each universe, its whitening and the place of its program.

    Keys are hashes, so the first ones are a random sample. Compiles a small program for each program of the family.
    """
    import jax

    leaves, seen, places = [], [], []
    for place, opened in enumerate(subject.family.opened):
        keys = sorted(opened.program.members)[:REAL_MAX]
        mine = opened.program.gather(keys, "float32")

        def look(constants: Any, mine: Any, place: int = place) -> Any:
            return jax.lax.map(lambda one: subject.look(place, constants, one), mine)

        constants = dict(subject.constants)
        leaves.append(mine)
        seen.append(jax.tree.map(np.asarray, compiled(look, constants, mine)(constants, mine)))
        places += [place] * len(keys)
    inputs, white = jax.tree.map(lambda *parts: np.concatenate(parts), *seen)
    within = np.concatenate([np.arange(places.count(place)) for place in range(len(leaves))])
    return {
        "leaves": leaves,
        "inputs": inputs,
        "white": white,
        "place": np.array(places, np.int32),
        "within": within.astype(np.int32),
    }


def self_consistency(subject: Subject, flow: Flow, settings: Consistency) -> ExtraLoss:
    """The loss of `consistency` over real universes: `arguments[REAL]` has to hold them."""

    def real(arguments: Any) -> Inputs:
        inputs: Inputs = arguments[REAL]["inputs"]
        return inputs

    return consistency_loss(flow, settings, _log_joint(subject), real)


def _log_joint(subject: Subject) -> Callable[[Any, Any, Any], Any]:
    """`(arguments, universe, u (draw, dimension)) -> (draw,)`: the log joint of a real universe, up to a constant."""
    import jax
    import jax.numpy as jnp

    def one(arguments: Any, index: Any, u: Any) -> Any:
        known = arguments[REAL]
        white: White = jax.tree.map(lambda part: jnp.asarray(part)[index], known["white"])
        z, within = white.z(u), jnp.asarray(known["within"])[index]

        def of(place: int) -> Callable[[Any], Any]:
            def density(z: Any) -> Any:
                leaves = {path: jnp.asarray(leaf)[within] for path, leaf in known["leaves"][place].items()}
                return -jax.vmap(lambda at: subject.family.opened[place].potential(leaves, at))(z)

            return density

        branches = [of(place) for place in range(len(subject.family.programs))]
        return jax.lax.switch(jnp.asarray(known["place"])[index], branches, z)

    return one

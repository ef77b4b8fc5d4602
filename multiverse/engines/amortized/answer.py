"""Draws of a network for a block of universes, with all that weighs them: its own density and the exact log joint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.given_globals import NOISE, chunk_most, locals_given
from multiverse.engines.amortized.network import Flow
from multiverse.engines.amortized.simulations import Subject
from multiverse.engines.chunk import chunk_size
from multiverse.planning.density import evaluate
from multiverse.planning.tracing import compiled

BLOCK: Final = 16  # universes of one compiled call


class Drawn(NamedTuple):
    """Draws of a block, `(universe, draw, ...)`, and what the network saw of each universe.

    sites: constrained values by site. potential: minus the log joint in the program's own coordinates, nats.
    log_weights: log joint minus log density of the network, both in those of the family. u: whitened draws. member:
    which network of the ensemble each draw is from, (draw,). z: on the unconstrained scale of the family. short: share
    of draws whose locals' mode may not have been reached, (universe,).
    """

    sites: Mapping[str, Any]
    log_prior: Any
    log_likelihood: Any
    potential: Any
    log_weights: Any
    u: Any
    member: Any
    z: Any
    short: Any


def compile_answer(
    subject: Subject,
    flow: Flow,
    place: int,
    sites: tuple[str, ...],
    leaves: Mapping[str, np.ndarray],
    draws: int,
    told: Mapping[str, np.ndarray] | None = None,
) -> Any:
    """`(constants, weights, leaves, words (universe, 2), told) -> Drawn`, compiled for leaves of one shape on a device.

    place: of the program in its family. sites: whose draws leave the compiled program. told: as `answer_one` has it.
    """
    import jax

    hierarchy = subject.family.opened[place].hierarchy
    width, most = (1, None) if hierarchy is None else (hierarchy.width, chunk_most(draws))
    chunk = chunk_size({path: leaf[0] for path, leaf in leaves.items()}, draws, width=width, most=most)
    one = answer_one(subject, flow, place, sites, draws, chunk)

    def block(constants: Any, weights: Any, leaves: Any, words: Any, told: Any) -> Any:
        # One universe after the other: their draws are lanes enough, and each runs through the same code.
        return jax.lax.map(lambda of: one(constants, weights, *of), (leaves, words, told))

    words = np.zeros((len(next(iter(leaves.values()))), 2), np.uint32)
    return compiled(block, dict(subject.constants), flow.start(0), dict(leaves), words, dict(told or {}))


def answer_one(
    subject: Subject, flow: Flow, place: int, sites: tuple[str, ...], draws: int, chunk: int
) -> Callable[..., Drawn]:
    """`(constants, weights, leaves, words (2,), told) -> Drawn` of one universe. Traceable.

    told: leaves that the network is told in place of the universe's own; the log joint is that of its own.
    """
    import jax
    import jax.numpy as jnp

    opened = subject.family.opened[place]
    only_simulates = opened.program.kind == "simulator"
    see = evaluate(opened.program.signature, opened.program.sites, sites)
    density = opened.potential
    given = None
    if opened.hierarchy is not None:
        given = locals_given(opened.hierarchy, opened.globals_first, chunk)

    def at(leaves: Mapping[str, Any], z: Any) -> Any:
        if opened.other is None:
            seen = see(leaves, z)
            return seen, seen.potential
        # The network draws in other coordinates than those that the answer is in: weighed there, told here.
        return see(leaves, opened.own(leaves, z)), density(leaves, z)

    def one(constants: Any, weights: Any, leaves: Mapping[str, Any], words: Any, told: Mapping[str, Any]) -> Drawn:
        # The network sees float32, whatever the log joint is computed in.
        inputs, white = subject.look(place, constants, jax.tree.map(_single, {**leaves, **told}))
        key = jax.random.wrap_key_data(words, impl="threefry2x32")
        u, member = flow.draw(weights, inputs, key, draws)
        log_q, _ = flow.log_mixture(weights, inputs, u)
        z = white.z(u).astype(
            next((x.dtype for x in leaves.values() if jnp.issubdtype(x.dtype, jnp.floating)), u.dtype)
        )
        log_q, short = log_q - white.log_det, jnp.zeros((), z.dtype)
        if given is not None:
            drawn = given(leaves, z, jax.random.fold_in(key, NOISE))
            z, log_q, short = opened.in_order(drawn.z), log_q + drawn.log_density, drawn.short.mean(dtype=z.dtype)
        seen, potential = jax.lax.map(lambda z: at(leaves, z), z, batch_size=chunk)
        # Without a density there is nothing to weigh draws by: all count alike, and nobody vouches for them.
        log_weights = jnp.zeros_like(potential) if only_simulates else -potential - log_q
        return Drawn(seen.values, seen.log_prior, seen.log_likelihood, seen.potential, log_weights, u, member, z, short)

    return one


def _single(leaf: Any) -> Any:
    import jax.numpy as jnp

    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

"""Many locals, drawn given the globals: a network learns the marginal posterior of the globals alone.

A density of hundreds of numbers would have to be right in each of them; given the globals, the locals of a hierarchy
fall into small blocks that are near to normal, as the nested engine uses it. So log q(z) = log q(globals) + log
N(locals given globals), around their mode, and the weights are those of the whole: exact where the gate is passed.
Marginals cost nothing to learn: simulated globals are draws of the marginal posterior, whatever the locals are.
Sources: Rue, Martino, Chopin 2009, JRSS B 71(2) (the block); Miller et al. 2021, arXiv:2107.01214 (marginals).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from multiverse.engines.compiled import Once
from multiverse.engines.nested.block import CHUNK_DRAWS, FOLLOWED, LOOKS_MAX, SETTLED
from multiverse.engines.nested.fit import SHORT_MAX
from multiverse.engines.nested.locals import Blocks, log_det, settle, transposed_times
from multiverse.planning.density import Potential
from multiverse.planning.hierarchy import Hierarchy, NoHierarchy, find_hierarchy
from multiverse.planning.noncentered import noncentered
from multiverse.planning.program import Program

WITHIN: Final = 3.0  # local standard deviations from the mode, whence one step suffices: as nested tries first
NOISE: Final = 0x10CA15  # folded into a universe's key for the noise of its locals

_FOUND = Once()


class Given(NamedTuple):
    """Draws of all latents, the locals given the globals.

    z: (draw, dimension), globals first. log_density: of the locals given the globals, nats, (draw,). short: whether the
    locals' mode may not have been reached, (draw,).
    """

    z: Any
    log_density: Any
    short: Any


def hierarchy_of(program: Program) -> Hierarchy | NoHierarchy:
    """The hierarchy of a program in non-centered coordinates; looked for once in a process, which compiles a little."""
    found: Hierarchy | NoHierarchy = _FOUND.get(program.id, lambda: find_hierarchy(program, noncentered(program)))
    return found


def locals_given(hierarchy: Hierarchy, density: Potential, chunk: int) -> Callable[..., Given]:
    """`(leaves, globals (draw, globals), key) -> Given`, of one universe. Traceable.

    density: minus the log joint of all latents, globals first. chunk: draws that are looked at together.
    """
    import jax
    import jax.numpy as jnp

    blocks = Blocks(hierarchy.blocks, hierarchy.locals)
    volume = _volume(hierarchy)
    slope_at = _slope_at(density)

    def all_draws(leaves: Mapping[str, Any], g: Any, key: Any) -> Given:
        noise = jax.random.normal(key, (len(g), hierarchy.locals), g.dtype)
        # In the middle of the globals first: from there the locals of most draws are one step away.
        nothing = jnp.zeros(hierarchy.locals, g.dtype)
        middle = slope_at(leaves, jnp.median(g, axis=0))
        start = settle(middle, nothing, blocks, looks=LOOKS_MAX, within=SETTLED).at
        start = jnp.where(jnp.isfinite(start).all(), start, nothing)

        def one(of: Any) -> Given:
            g, noise = of
            at, white, short = settle(slope_at(leaves, g), start, blocks, looks=FOLLOWED, within=WITHIN)
            inside = at + blocks.join(transposed_times(white, blocks.cut(noise)))
            log_density = (log_det(white, blocks) - jnp.square(noise).sum()) / 2 - volume
            return Given(jnp.concatenate([g, inside]), log_density, short)

        drawn: Given = jax.lax.map(one, (g, noise), batch_size=chunk)
        return drawn

    return all_draws


def marginal(hierarchy: Hierarchy, density: Potential) -> Potential:
    """`(leaves, globals) -> ()`: minus the log marginal density of the globals by Laplace's approximation, nats.

    Of draws from about the posterior, whose locals settle fast. Traceable; no gradient goes through it.
    """
    import jax.numpy as jnp

    blocks = Blocks(hierarchy.blocks, hierarchy.locals)
    slope_at = _slope_at(density)

    def one(leaves: Mapping[str, Any], g: Any) -> Any:
        start = jnp.zeros(hierarchy.locals, g.dtype)
        at, white, _ = settle(slope_at(leaves, g), start, blocks, looks=FOLLOWED, within=WITHIN)
        return density(leaves, jnp.concatenate([g, at])) + log_det(white, blocks) / 2 - _volume(hierarchy)

    return one


def _slope_at(density: Potential) -> Callable[[Mapping[str, Any], Any], Callable[[Any], Any]]:
    import jax
    import jax.numpy as jnp

    return lambda leaves, g: jax.grad(lambda inside: density(leaves, jnp.concatenate([g, inside])))


def _volume(hierarchy: Hierarchy) -> float:
    return hierarchy.locals / 2 * math.log(2 * math.pi)


def why_short(share: float) -> str:
    """What to say where the mode of the locals was not reached in this share of the draws; empty where in few."""
    if share <= SHORT_MAX:
        return ""
    return f"the mode of the locals was not reached in {share:.2g} of the draws of the globals"


def chunk_most(draws: int) -> int:
    """How many draws may be followed together: a chunk waits for the one whose locals settle last."""
    return min(draws, CHUNK_DRAWS)

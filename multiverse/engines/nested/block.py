"""The nested engine's compiled programs: the marginal of the globals, and locals proposed for draws of the globals.

The marginal is Laplace's approximation of the integral over the locals (Tierney and Kadane 1986). Universes are done
one after the other, and skipped where nothing is asked of them; their starts, or draws, are lanes enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.chunk import chunk_size
from multiverse.engines.nested.locals import Blocks, curved, log_det, settle, times, transposed_times, whitening
from multiverse.planning.density import evaluate, potential
from multiverse.planning.hierarchy import Hierarchy
from multiverse.planning.program import Program
from multiverse.planning.tracing import PLAIN_COMPILE, compiled

LOOKS_MAX: Final = 60  # at the local Hessian until the locals have settled; 2 to 6 from a near start, 20 from a far one
FOLLOWED: Final = 24  # at most for a draw: those that need more count as short
SETTLED: Final = 1e-3  # local standard deviations before the last step, which squares it
CHUNK_DRAWS: Final = 50  # at most: a chunk waits for the draw whose locals settle last
# Radon's two programs compile in 4 s instead of 8 s, and run 1.15 times as long.
COMPILE: Final[Mapping[str, Any]] = {**PLAIN_COMPILE, "xla_backend_optimization_level": 1}


class Marginal(NamedTuple):
    """What there is at globals `(lane, globals)`; lanes are universe x start.

    potential: minus the log of the approximate marginal density, nats, (lane,); gradient and Hessian of it in the
    globals. locals: where the locals are likeliest, (lane, locals). response: their derivative in the globals, (lane,
    locals, globals).
    """

    potential: Any
    gradient: Any
    hessian: Any
    locals: Any
    response: Any


class Proposed(NamedTuple):
    """Locals drawn for globals `(universe, draw, ...)`.

    weighed: minus the log joint in the coordinates of the hierarchy, nats. log_det: of the local Hessian by which the
    noise was shaped. short: whether the locals' mode may not have been reached. The others as `Evaluated` has them.
    """

    sites: Mapping[str, Any]
    log_prior: Any
    log_likelihood: Any
    potential: Any
    weighed: Any
    log_det: Any
    short: Any


class Near(NamedTuple):
    """Where the locals of other globals are looked for: locals + response (g - globals).

    As `Marginal` has them: (lane, ...), or (universe, ...) for draws.
    """

    globals: Any
    locals: Any
    response: Any


@dataclass(frozen=True)
class NestedBlock:
    """The two steps, compiled for arguments of one shape on one device.

    marginal: `(asked (lane,) bool, leaves, globals (lane, globals), near, apart like globals) -> Marginal`; lanes are
    universe x start. apart: at which distances derivatives are taken.
    propose: `(asked (universe,), leaves, globals (universe, draw, globals), noise (universe, draw, locals), near,
    within ()) -> Proposed`: locals at the mode given the globals, as `settle` finds it within so many standard
    deviations, plus noise shaped by the Hessian there.
    What is not asked gives zeros.
    """

    hierarchy: Hierarchy
    marginal: Any
    propose: Any


def compile_nested(
    program: Program,
    hierarchy: Hierarchy,
    sites: tuple[str, ...],
    leaves: Mapping[str, np.ndarray],
    *,
    universes: int,
    starts: int,
    draws: int,
    dtype: str,
) -> NestedBlock:
    """Compile for leaves of these shapes. sites: whose draws leave the program. draws: of one round."""
    import jax
    import jax.numpy as jnp

    other = hierarchy.other
    density = potential(program.signature if other is None else other.signature, hierarchy.sites)
    see = evaluate(program.signature, hierarchy.sites if other is None else program.sites, sites)
    blocks = Blocks(hierarchy.blocks, hierarchy.locals)
    count, size = hierarchy.globals, hierarchy.locals
    universe = {path: leaf[0] for path, leaf in leaves.items()}
    chunk = chunk_size(universe, draws, width=hierarchy.width, most=CHUNK_DRAWS)
    volume = size / 2 * math.log(2 * math.pi)

    def joined(g: Any, inside: Any) -> Any:
        return jnp.concatenate([g, inside])

    def slope_at(leaves: Any, g: Any) -> Any:
        return jax.grad(lambda inside: density(leaves, joined(g, inside)))

    def approximate(leaves: Any, g: Any, inside: Any) -> Any:
        """Potential of the marginal with the locals near their mode, and what they still have to go."""
        found = curved(slope_at(leaves, g), inside, blocks)
        held = jax.lax.stop_gradient(found)
        white = whitening(held.hessian)
        to_go = times(white, held.gradient)
        # A log determinant's derivative is the trace of inverse times derivative: no factor to go through.
        inverse = (white[:, :, :, None] * white[:, :, None, :]).sum(axis=1)
        grows = (inverse * (found.hessian - held.hessian)).sum() / 2
        value = density(leaves, joined(g, inside)) + log_det(white, blocks) / 2 + grows - volume
        return value, (to_go, white)

    def point(leaves: Any, g: Any, inside: Any) -> Any:
        (value, (to_go, white)), (by_global, by_local) = jax.value_and_grad(
            lambda g, inside: approximate(leaves, g, inside), (0, 1), has_aux=True
        )(g, inside)
        # By the implicit function theorem the locals follow the globals by minus inverse Hessian times mixed Hessian.
        follow = blocks.join(transposed_times(white, times(white, blocks.cut(by_local))))

        def by_globals(inside: Any) -> Any:
            return jax.grad(lambda g: density(leaves, joined(g, inside)))(g)

        mixed = jax.jvp(by_globals, (inside,), (follow,))[1]
        there = inside - blocks.join(transposed_times(white, to_go))
        return value - jnp.square(to_go).sum() / 2, by_global - mixed, there

    def marginal_one(asked: Any, leaves: Any, g: Any, near: Near, apart: Any) -> Marginal:
        def make(leaves: Any, g: Any, near: Near, apart: Any) -> Marginal:
            start = near.locals + ((g - near.globals) * near.response).sum(axis=1)
            inside = settle(slope_at(leaves, g), start, blocks, looks=LOOKS_MAX, within=SETTLED).at
            # Beside this point the locals need not settle: derivatives are right to first order in where they are.
            points = g + jnp.concatenate([jnp.zeros((1, count), g.dtype), jnp.diag(apart)])
            insides = inside + jnp.concatenate([jnp.zeros((1, size), g.dtype), (near.response * apart).T])
            value, gradient, there = jax.vmap(point, (None, 0, 0))(leaves, points, insides)
            hessian = (gradient[1:] - gradient[0]) / apart[:, None]
            response = ((there[1:] - there[0]) / apart[:, None]).T
            return Marginal(value[0], gradient[0], (hessian + hessian.T) / 2, there[0], response)

        found: Marginal = _if_asked(asked, make, leaves, g, near, apart)
        return found

    def propose_one(asked: Any, leaves: Any, g: Any, noise: Any, near: Near, within: Any) -> Proposed:
        def make(leaves: Any, g: Any, noise: Any, near: Near) -> Proposed:
            def draw(of: Any) -> Proposed:
                g, noise = of
                start = near.locals + ((g - near.globals) * near.response).sum(axis=1)
                at, white, short = settle(slope_at(leaves, g), start, blocks, looks=FOLLOWED, within=within)
                z = joined(g, at + blocks.join(transposed_times(white, blocks.cut(noise))))
                seen = see(leaves, z if other is None else other.centered(leaves, z))
                # XLA sees that the likelihood is the same in both coordinates, and computes it once.
                weighed = seen.potential if other is None else density(leaves, z)
                return Proposed(
                    seen.values,
                    seen.log_prior,
                    seen.log_likelihood,
                    seen.potential,
                    weighed,
                    log_det(white, blocks),
                    short,
                )

            drawn: Proposed = jax.lax.map(draw, (g, noise), batch_size=chunk)
            return drawn

        proposed: Proposed = _if_asked(asked, make, leaves, g, noise, near)
        return proposed

    def marginal(asked: Any, leaves: Any, g: Any, near: Near, apart: Any) -> Any:
        def one(of: Any) -> Marginal:
            universe, *rest = of
            return marginal_one(rest[0], {path: leaf[universe] for path, leaf in leaves.items()}, *rest[1:])

        return jax.lax.map(one, (np.repeat(np.arange(universes), starts), asked, g, near, apart))

    def propose(asked: Any, leaves: Any, g: Any, noise: Any, near: Any, within: Any) -> Any:
        def one(of: Any) -> Proposed:
            asked, leaves, g, noise, near = of
            return propose_one(asked, leaves, g, noise, near, within)

        return jax.lax.map(one, (asked, leaves, g, noise, near))

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, dtype)

    asked = np.zeros(universes, bool)
    lanes = universes * starts
    at, drawn = zeros(lanes, count), zeros(universes, draws, count)
    each = Near(at, zeros(lanes, size), zeros(lanes, size, count))
    one = Near(*(part[:universes] for part in each))
    return NestedBlock(
        hierarchy,
        compiled(marginal, np.zeros(lanes, bool), leaves, at, each, at, options=COMPILE),
        compiled(propose, asked, leaves, drawn, zeros(universes, draws, size), one, zeros(), options=COMPILE),
    )


def _if_asked(asked: Any, make: Callable[..., Any], *of: Any) -> Any:
    """What `make` makes of these arguments, or as many zeros."""
    import jax
    import jax.numpy as jnp

    once = jax.jit(make)  # traced once, for its shapes and for the branch
    shapes = jax.eval_shape(once, *of)
    return jax.lax.cond(asked, once, lambda *_: jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes), *of)

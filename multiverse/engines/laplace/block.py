"""The Laplace engine's compiled program: derivatives of a block of universes, and draws from their proposals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from multiverse.engines.chunk import chunk_size
from multiverse.engines.programs import Programs
from multiverse.planning.density import evaluate, potential
from multiverse.planning.program import Program
from multiverse.planning.tracing import compiled, here

_DERIVATIVES = Programs()


class BlockShape(NamedTuple):
    """What is compiled in: draws and starts of a universe, precision."""

    draws: int
    starts: int
    dtype: str


class Proposed(NamedTuple):
    """Draws from the proposals of a block, `(universe, draw, ...)`."""

    sites: Mapping[str, Any]  # constrained values by site, (universe, draw, *site shape)
    log_prior: Any
    log_likelihood: Any
    potential: Any  # minus the log joint on the unconstrained scale, nats


@dataclass(frozen=True)
class LaplaceBlock:
    """The two steps, compiled for arguments of one shape on one device.

    derivatives: `(leaves, z (universe, start, dimension)) -> potential, gradient, Hessian`.
    propose: `(leaves, mode (universe, dimension), root (universe, dimension, dimension), t (universe, draw, dimension))
    -> Proposed`: what the model says at mode + root t.
    """

    derivatives: Any
    propose: Any


def compile_laplace(
    program: Program,
    sites: tuple[str, ...],
    words: np.ndarray,
    leaves: Mapping[str, np.ndarray],
    shape: BlockShape,
) -> LaplaceBlock:
    """Compile for a block of these words and leaves. sites: whose draws leave the program."""
    import jax

    see = evaluate(program.signature, program.sites, sites)
    draws, starts, dtype = shape
    dimension, chunk = program.sites.dimension, chunk_size({path: leaf[0] for path, leaf in leaves.items()}, draws)

    def propose_one(of: Any) -> Proposed:
        leaves, mode, root, t = of
        z = mode + (t[:, None, :] * root).sum(axis=2)  # (draw, dimension)
        seen = jax.lax.map(lambda z: see(leaves, z), z, batch_size=chunk)
        return Proposed(seen.values, seen.log_prior, seen.log_likelihood, seen.potential)

    def propose(leaves: Any, mode: Any, root: Any, t: Any) -> Any:
        # One universe after the other: their draws are lanes enough, and each runs through the same code.
        return jax.lax.map(propose_one, (leaves, mode, root, t))

    universes = len(words)
    mode, root = np.zeros((universes, dimension), dtype), np.zeros((universes, dimension, dimension), dtype)
    return LaplaceBlock(
        compile_derivatives(program, leaves, (universes, starts), dtype),
        compiled(propose, leaves, mode, root, np.zeros((universes, draws, dimension), dtype)),
    )


def compile_derivatives(program: Program, leaves: Mapping[str, np.ndarray], lanes: tuple[int, int], dtype: str) -> Any:
    """`derivatives` of a `LaplaceBlock`, compiled once in a process, on each device.

    leaves: of the block. lanes: how many universes it holds, and starts of each.
    """
    import jax

    dimension = program.sites.dimension
    device = here()

    def make() -> Any:
        density = potential(program.signature, program.sites)

        def derivatives_at(leaves: Any, z: Any) -> Any:
            def gradient(z: Any) -> Any:
                value, slope = jax.value_and_grad(lambda z: density(leaves, z))(z)
                return slope, (value, slope)

            hessian, (value, slope) = jax.jacfwd(gradient, has_aux=True)(z)
            return value, slope, hessian

        each_start = jax.vmap(derivatives_at, in_axes=(None, 0))
        return compiled(jax.vmap(each_start), leaves, np.zeros((*lanes, dimension), dtype))

    return _DERIVATIVES.get((program.id, lanes, dtype, str(device)), make)

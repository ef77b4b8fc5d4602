"""The hierarchy in a program: which latent sites are locals, one of many alike, and which of them hang together.

Locals are the sites inside plates, globals all others. Given the globals, locals are mostly independent of each other,
or fall into blocks: a probe of the Hessian at a few points shows which. It is a choice of coordinates for a proposal
and never an assumption: what is drawn from the proposal is weighed by the user's own log joint.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from multiverse.planning.density import potential
from multiverse.planning.model_trace import Sites
from multiverse.planning.noncentered import NonCentered
from multiverse.planning.program import PROBES, Program, Signature
from multiverse.planning.tracing import QUICK_COMPILE, compiled

BLOCK_MAX: Final = 256  # numbers of a block: its Hessian costs a gradient for each, at each draw of the globals
PATTERN_MAX: Final = 1024  # locals whose whole Hessian is looked at: 8 MiB; more must be independent of each other
POINTS: Final = PROBES  # at random, each of another data set where there are so many
POINT_RADIUS: Final = 1.0  # on the unconstrained scale: near enough to 0 that a density is finite
VECTORS: Final = 16  # that the Hessian is multiplied with in one call
ROUNDING: Final = 1e-8  # of the largest number in a row of the Hessian, float64: below it there is no tie


@dataclass(frozen=True)
class Hierarchy:
    """A program's latent sites as globals and locals.

    sites: the latent ones, globals first, so that a flat draw is `[globals, locals]`. globals: how many numbers these
    have. blocks: (block, width), the places of the locals that hang together, among all locals; filled up with the
    number of locals. other: the coordinates that the sites are in, if not the program's own.
    """

    sites: Sites
    globals: int
    blocks: np.ndarray
    other: NonCentered | None = None

    @property
    def locals(self) -> int:
        """How many numbers the locals have."""
        return self.sites.dimension - self.globals

    @property
    def width(self) -> int:
        """How many numbers the largest block has: 1 where all locals are independent given the globals."""
        return int(self.blocks.shape[1])


@dataclass(frozen=True)
class NoHierarchy:
    """Why a program has none that could be used, for people."""

    why: str


def split(sites: Sites) -> tuple[Sites, int] | NoHierarchy:
    """The sites with globals first, and how many numbers the globals have. Costs nothing."""
    inside = tuple(latent for latent in sites.latents if latent.is_local)
    outside = tuple(latent for latent in sites.latents if not latent.is_local)
    if not inside:
        return NoHierarchy("no latent site of the model is inside a plate: there are no locals")
    if not outside:
        return NoHierarchy("all latent sites of the model are inside plates: there are no globals that they hang on")
    count = replace(sites, latents=outside).dimension
    return replace(sites, latents=outside + inside), count


def find_hierarchy(program: Program, other: NonCentered | None = None) -> Hierarchy | NoHierarchy:
    """The hierarchy of a program; its local Hessian is looked at in float64, which compiles one small function.

    other: coordinates to look at it in, if not the program's own.
    """
    import jax

    found = split(program.sites if other is None else other.sites)
    if isinstance(found, NoHierarchy):
        return found
    sites, count = found
    with jax.enable_x64(True):
        ties = _ties(program, program.signature if other is None else other.signature, sites, count)
    if isinstance(ties, NoHierarchy):
        return ties
    blocks = pack(ties)
    if blocks.shape[1] > BLOCK_MAX:
        return NoHierarchy(
            f"{blocks.shape[1]} numbers of the sites inside plates hang together given the globals; "
            f"at most {BLOCK_MAX} can"
        )
    return Hierarchy(sites, count, blocks, None if other is None else replace(other, sites=sites))


def pack(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Blocks `(block, width)` from the places of numbers that hang together; the width is that of the largest part.

    Small parts share a block: that they are independent is lost, which costs nothing, and there are fewer blocks.
    """
    ordered = sorted(parts, key=lambda part: (-len(part), int(part[0])))
    width, total = len(ordered[0]), sum(len(part) for part in ordered)
    blocks: list[list[int]] = []
    room: dict[int, list[int]] = {}  # blocks by how much room they have
    for part in ordered:
        free = next((size for size in range(len(part), width) if room.get(size)), 0)
        at = room[free].pop() if free else len(blocks)
        if not free:
            blocks.append([])
        blocks[at] += part.tolist()
        room.setdefault(width - len(blocks[at]), []).append(at)
    filled = [[*block, *[total] * (width - len(block))] for block in blocks]
    return np.array(sorted(filled), dtype=np.int64)


def _ties(program: Program, signature: Signature, sites: Sites, count: int) -> list[np.ndarray] | NoHierarchy:
    """The places of locals that hang together, part by part."""
    size = sites.dimension - count
    looks = [look for look in _looks(program, signature, sites, count) if np.isfinite(look(np.ones((1, size)))).all()]
    if not looks:
        return NoHierarchy(
            "the Hessian of the sites inside plates is finite at none of the points where it was looked at"
        )
    sign = np.random.default_rng(0).choice([-1.0, 1.0], (1, size)) * np.linspace(1, 2, size)
    # A diagonal matrix times a vector is its diagonal times the vector.
    if all(_close(look(sign), look(np.ones((1, size))) * sign) for look in looks):
        return [np.array([place]) for place in range(size)]
    if size > PATTERN_MAX:
        return NoHierarchy(
            f"the {size} numbers of the sites inside plates hang together given the globals; "
            f"how is looked at where they are at most {PATTERN_MAX}"
        )
    tied = np.zeros((size, size), bool)
    for look in looks:
        hessian = np.abs(look(np.eye(size)))
        tied |= hessian > ROUNDING * np.sqrt(np.outer(hessian.max(axis=1), hessian.max(axis=1)))
    from scipy.sparse.csgraph import connected_components

    number, label = connected_components(tied, directed=False)
    return [np.flatnonzero(label == part) for part in range(number)]


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((np.abs(a - b) <= ROUNDING * np.abs(b).max()).all())


def _looks(program: Program, signature: Signature, sites: Sites, count: int) -> list[Any]:
    """Functions `vectors (n, locals) -> Hessian of the locals times each`, one for each point."""
    import jax

    density = potential(signature, sites)
    size = sites.dimension - count

    def times(leaves: Any, z: Any, vectors: Any) -> Any:
        def gradient(inside: Any) -> Any:
            return jax.grad(lambda x: density(leaves, jax.numpy.concatenate([z[:count], x])))(inside)

        return jax.vmap(lambda vector: jax.jvp(gradient, (z[count:],), (vector,))[1])(vectors)

    random = np.random.default_rng(0).uniform(-POINT_RADIUS, POINT_RADIUS, (POINTS, sites.dimension))
    keys = itertools.islice(itertools.cycle(program.probes), POINTS)
    points = [
        ({path: leaf[0] for path, leaf in program.gather([key], "float64").items()}, z)
        for key, z in zip(keys, random, strict=True)
    ]
    run = compiled(times, *points[0], np.zeros((VECTORS, size)), options=QUICK_COMPILE)

    def look(leaves: Any, z: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        short = -len(vectors) % VECTORS
        filled = np.concatenate([vectors, np.zeros((short, size))])
        parts = [np.asarray(run(leaves, z, filled[i : i + VECTORS])) for i in range(0, len(filled), VECTORS)]
        return np.concatenate(parts)[: len(vectors)]

    return [functools.partial(look, leaves, z) for leaves, z in points]

"""Where warm chains start: a normal approximation of each posterior, from Laplace's method.

A hierarchy has no use for the mode of its log joint, which may lie where the spread of the locals is zero. There the
globals are approximated at the mode of their marginal, and the locals given the globals: the nested engine's search.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.block_arguments import block_arguments
from multiverse.engines.compiled import Once
from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.laplace.block import compile_derivatives
from multiverse.engines.laplace.engine import Laplace
from multiverse.engines.laplace.fit import search_modes, starts_of
from multiverse.engines.laplace.proposal import MODE_MASS, NoProposal, Proposal, propose
from multiverse.engines.nested.engine import NestedLaplace
from multiverse.engines.nested.locals import Blocks, curved
from multiverse.engines.nested.mode import search_modes as search_marginal_modes
from multiverse.engines.outcome import Reason
from multiverse.engines.programs import Programs
from multiverse.planning.density import potential
from multiverse.planning.hierarchy import Hierarchy, NoHierarchy, find_hierarchy
from multiverse.planning.program import Program
from multiverse.planning.tracing import QUICK_COMPILE, compiled, here

DTYPE: Final = "float64"  # of the search, whatever the chains have: it stalls in float32 (docs/adr/0013-laplace.md)
DEGREES: Final = 8  # of freedom of the t from which chains start: wider than what the fit has of the posterior

COLUMNS_MAX: Final = 500  # 1 MiB a lane in float32; a Hessian of all numbers costs a gradient for each of them

_HIERARCHIES, _LOCALS = Once(), Programs()


class Fit(NamedTuple):
    """A posterior on the unconstrained scale as a map of a standard normal: see `planning.coordinates.whitened`.

    The columns belong to the places `columns_at(program)`.
    """

    centre: Floats  # (dimension,)
    scale: Floats  # (dimension,)
    columns: Floats  # (dimension, column)
    stretch: Floats  # (dimension, column)


def columns_at(program: Program) -> tuple[int, ...]:
    """The places in a flat draw that have a column: the globals where locals hang on nothing else, or else all."""
    found = _hierarchy(program)
    if isinstance(found, NoHierarchy) or found.width > 1:
        return tuple(range(program.sites.dimension))
    return tuple(np.flatnonzero(_places(program, found) < found.globals).tolist())


def _hierarchy(program: Program) -> Hierarchy | NoHierarchy:
    found: Hierarchy | NoHierarchy = _HIERARCHIES.get(program.id, lambda: find_hierarchy(program))
    return found


def fit_batch(batch: Batch, seed: int) -> dict[str, Fit | NoProposal]:
    """A fit of each universe of a batch, by key. Compiles on first use of the program on a device."""
    import jax

    hierarchy = _hierarchy(batch.program)
    if (columns := len(columns_at(batch.program))) > COLUMNS_MAX:
        many = NoProposal(
            Reason.structure, f"{columns} latent numbers hang together; a warm start is for {COLUMNS_MAX} at most"
        )
        return dict.fromkeys(batch.keys, many)
    fits: dict[str, Fit | NoProposal] = {}
    with jax.enable_x64(True):
        search = _Joint(batch, seed) if isinstance(hierarchy, NoHierarchy) else _Marginal(batch, seed, hierarchy)
        for i in range(0, len(batch), search.block):
            keys = batch.keys[i : i + search.block]
            limit = batch.wanted.time_limit
            stop = np.inf if limit is None else time.perf_counter() + limit * len(keys)
            fits |= dict(zip(keys, search(keys, stop), strict=True))
    return fits


def _single(end: Proposal | NoProposal) -> Proposal | NoProposal:
    """The proposal if chains may start around it: it has the only mode that matters."""
    if isinstance(end, NoProposal) or (others := sum(mass for mass, _ in end.others)) <= MODE_MASS:
        return end
    seen = f"{end.modes} modes were found: around the highest one, chains would miss some {others:.2g} of the mass"
    return NoProposal(Reason.modes, seen)


class _Joint:
    """Modes of the log joint, as the Laplace engine searches them."""

    def __init__(self, batch: Batch, seed: int) -> None:
        self._settings = Laplace(seed=seed, dtype=DTYPE)
        self.block = self._settings.block(batch.program)
        self._batch = replace(batch, block=self.block)

    def __call__(self, keys: Sequence[str], stop: float) -> list[Fit | NoProposal]:
        settings, program = self._settings, self._batch.program
        _, words, leaves = block_arguments(self._batch, keys, seed=settings.seed, dtype=DTYPE)
        derivatives = compile_derivatives(program, leaves, (self.block, settings.starts), DTYPE)
        found = search_modes(derivatives, words, leaves, program.sites.dimension, settings, stop)
        ends = [propose(starts_of(found, i, settings.starts), settings.degrees) for i in range(len(keys))]
        return [end if isinstance(end, NoProposal) else _dense(end.mode, end.root) for end in map(_single, ends)]


class _Marginal:
    """Modes of the globals' marginal, and of the locals given these, as the nested engine searches them."""

    def __init__(self, batch: Batch, seed: int, hierarchy: Hierarchy) -> None:
        self._settings, self._hierarchy = NestedLaplace(seed=seed, dtype=DTYPE), hierarchy
        self.block = self._settings.block(batch.program)
        self._batch = replace(batch, block=self.block)
        self._place = _places(batch.program, hierarchy)

    def __call__(self, keys: Sequence[str], stop: float) -> list[Fit | NoProposal]:
        filled, words, leaves = block_arguments(self._batch, keys, seed=self._settings.seed, dtype=DTYPE)
        run = self._settings.compiled(self._batch, self._hierarchy)
        modes = search_marginal_modes(
            run, words, leaves, self._settings, asked=len(keys), stop=lambda: time.perf_counter() > stop
        )
        at = np.concatenate([modes.near.globals, modes.near.locals], axis=1)
        ends = [*map(_single, modes.ended), *[NoProposal(Reason.mode, "")] * (len(filled) - len(keys))]
        columns = np.zeros((*at.shape, self._hierarchy.globals))
        for i, end in enumerate(ends):
            if isinstance(end, Proposal):
                columns[i] = np.concatenate([end.root, modes.near.response[i] @ end.root])
        # Around the mode, and one standard deviation to both sides of it along each column.
        steps = np.moveaxis(columns, 2, 1)
        points = np.concatenate([at[:, None], at[:, None] + steps, at[:, None] - steps], axis=1)
        hessians = np.asarray(_local_hessians(self._batch.program, self._hierarchy, leaves, points)(leaves, points))
        return [
            end if isinstance(end, NoProposal) else self._joined(at[i], columns[i], hessians[i])
            for i, end in enumerate(ends[: len(keys)])
        ]

    def _joined(self, at: Floats, columns: Floats, hessians: Floats) -> Fit | NoProposal:
        """centre, columns: globals first. hessians: (point, block, width, width), first those at the centre."""
        count, size = self._hierarchy.globals, self._hierarchy.locals
        try:
            whites = np.linalg.inv(np.linalg.cholesky(hessians[0]))  # (block, width, width), each W'W the inverse
        except np.linalg.LinAlgError:
            return NoProposal(Reason.curvature, "the Hessian of the locals at their mode is not positive definite")
        if self._hierarchy.width > 1:
            own = np.zeros((count + size, size))
            for places, white in zip(self._hierarchy.blocks, whites, strict=True):
                real = places < size
                own[np.ix_(count + places[real], places[real])] = white[np.ix_(real, real)].T
            return _dense(at[self._place], np.concatenate([columns, own], axis=1)[self._place])
        local = count + self._hierarchy.blocks[:, 0]
        scale, stretch = np.zeros(count + size), np.zeros((count + size, count))
        scale[local] = whites[:, 0, 0]
        up, down = np.split(hessians[1:, :, 0, 0].T, 2, axis=1)  # (local, global)
        usable = (up > 0) & (down > 0)
        stretch[local] = np.where(usable, np.log(np.where(usable, down, 1.0) / np.where(usable, up, 1.0)) / 4, 0.0)
        return Fit(at[self._place], scale[self._place], columns[self._place], stretch[self._place])


def _dense(centre: Floats, root: Floats) -> Fit:
    return Fit(centre, np.zeros_like(centre), root, np.zeros_like(root))


def _places(program: Program, hierarchy: Hierarchy) -> np.ndarray:
    """Where each number of a flat draw of the program is in one with globals first."""
    there = hierarchy.sites.unravel(np.arange(program.sites.dimension))
    return np.concatenate([there[latent.name].ravel() for latent in program.sites.latents])


def _local_hessians(program: Program, hierarchy: Hierarchy, leaves: Mapping[str, np.ndarray], at: Floats) -> Any:
    """`(leaves, z (universe, point, dimension)) -> (universe, point, block, width, width)`, the locals by blocks."""
    import jax
    import jax.numpy as jnp

    blocks, count = Blocks(hierarchy.blocks, hierarchy.locals), hierarchy.globals

    def make() -> Any:
        density = potential(program.signature, hierarchy.sites)

        def one(leaves: Any, z: Any) -> Any:
            slope = jax.grad(lambda inside: density(leaves, jnp.concatenate([z[:count], inside])))
            return curved(slope, z[count:], blocks).hessian

        def each(leaves: Any, at: Any) -> Any:
            return jax.lax.map(lambda of: jax.lax.map(partial(one, of[0]), of[1]), (leaves, at))

        return compiled(each, leaves, at, options=QUICK_COMPILE)

    device = here()
    return _LOCALS.get((program.id, at.shape, str(device)), make)

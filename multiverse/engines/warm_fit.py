"""Where warm chains start: a normal approximation of each posterior, from Laplace's method.

A hierarchy has no use for the mode of its log joint, which may lie where the spread of the locals is zero. There the
globals are approximated at the mode of their marginal, and the locals given the globals: the nested engine's search.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, cast

import numpy as np

from multiverse.engines.compiled import Once
from multiverse.engines.diagnostics import Floats
from multiverse.engines.engine import Batch
from multiverse.engines.laplace import Laplace
from multiverse.engines.laplace_block import compile_derivatives
from multiverse.engines.laplace_fit import block_arguments, search_modes, starts_of
from multiverse.engines.nested import NestedLaplace
from multiverse.engines.nested_fit import block_leaves
from multiverse.engines.nested_locals import Blocks, curved
from multiverse.engines.nested_mode import search_modes as search_marginal_modes
from multiverse.engines.outcome import Reason
from multiverse.engines.proposal import MODE_MASS, NoProposal, Proposal, propose
from multiverse.identity.keys import rng_words
from multiverse.planning.density import potential
from multiverse.planning.hierarchy import Hierarchy, NoHierarchy, find_hierarchy
from multiverse.planning.program import Program
from multiverse.planning.tracing import QUICK_COMPILE, compiled

DTYPE: Final = "float64"  # of the search, whatever the chains have: it stalls in float32 (docs/adr/0013-laplace.md)
DEGREES: Final = 8  # of freedom of the t from which chains start: wider than what the fit has of the posterior

_HIERARCHIES, _LOCALS = Once(), Once()


class Fit(NamedTuple):
    """A normal posterior on the unconstrained scale: `centre + scale w + columns w[at]`, with w standard normal.

    at: `columns_at(program)`.
    """

    centre: Floats  # (dimension,)
    scale: Floats  # (dimension,)
    columns: Floats  # (dimension, column)


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
    return NoProposal(Reason.mode, seen)


class _Joint:
    """Modes of the log joint, as the Laplace engine searches them."""

    def __init__(self, batch: Batch, seed: int) -> None:
        self._settings = Laplace(seed=seed, dtype=DTYPE)
        self.block = self._settings.block(batch.program)
        self._batch = replace(batch, block=self.block)

    def __call__(self, keys: Sequence[str], stop: float) -> list[Fit | NoProposal]:
        settings, program = self._settings, self._batch.program
        words, leaves = block_arguments(self._batch, keys, settings)
        derivatives = compile_derivatives(program, leaves, (self.block, settings.starts), DTYPE)
        found = search_modes(derivatives, words, leaves, program.sites.dimension, settings, stop)
        ends = [propose(starts_of(found, i, settings.starts), settings.degrees) for i in range(len(keys))]
        return [end if isinstance(end, NoProposal) else _dense(end.mode, end.root) for end in map(_single, ends)]


class _Marginal:
    """Modes of the globals' marginal, and of the locals given these, as the nested engine searches them."""

    def __init__(self, batch: Batch, seed: int, hierarchy: Hierarchy) -> None:
        self._settings, self._hierarchy = NestedLaplace(seed=seed, dtype=DTYPE), hierarchy
        self.block = self._settings._block(batch.program)
        self._batch = replace(batch, block=self.block)
        self._place = _places(batch.program, hierarchy)

    def __call__(self, keys: Sequence[str], stop: float) -> list[Fit | NoProposal]:
        filled, leaves = block_leaves(self._batch, keys, DTYPE)
        words = np.array([rng_words(self._settings.seed, key, self._batch.attempt) for key in filled], np.uint32)
        run = self._settings._compiled(self._batch, self._hierarchy)
        modes = search_marginal_modes(
            run, words, leaves, self._settings, asked=len(keys), stop=lambda: time.perf_counter() > stop
        )
        at = np.concatenate([modes.near.globals, modes.near.locals], axis=1)
        hessians = np.asarray(_local_hessians(self._batch.program, self._hierarchy, leaves, at)(leaves, at))
        response = modes.near.response
        return [
            end if isinstance(end, NoProposal) else self._joined(end, at[i], response[i], hessians[i])
            for i, end in enumerate(map(_single, modes.ended[: len(keys)]))
        ]

    def _joined(self, end: Proposal, at: Floats, response: Floats, hessians: Floats) -> Fit | NoProposal:
        count, size = self._hierarchy.globals, self._hierarchy.locals
        try:
            roots = np.linalg.inv(np.linalg.cholesky(hessians))  # (block, width, width), each W with W'W = inverse
        except np.linalg.LinAlgError:
            return NoProposal(Reason.curvature, "the Hessian of the locals at their mode is not positive definite")
        columns = np.concatenate([end.root, response @ end.root])[self._place]
        if self._hierarchy.width == 1:
            scale = np.zeros(count + size)
            scale[count + self._hierarchy.blocks[:, 0]] = roots[:, 0, 0]
            return Fit(at[self._place], scale[self._place], columns)
        root = np.zeros((count + size, count + size))
        root[:, :count] = columns
        own = np.zeros((count + size, size))
        for places, white in zip(self._hierarchy.blocks, roots, strict=True):
            real = places < size
            own[np.ix_(count + places[real], places[real])] = white[np.ix_(real, real)].T
        root[:, count:] = own[self._place]
        return _dense(at[self._place], root)


def _dense(centre: Floats, root: Floats) -> Fit:
    return Fit(centre, np.zeros_like(centre), root)


def _places(program: Program, hierarchy: Hierarchy) -> np.ndarray:
    """Where each number of a flat draw of the program is in one with globals first."""
    there = hierarchy.sites.unravel(np.arange(program.sites.dimension))
    return np.concatenate([there[latent.name].ravel() for latent in program.sites.latents])


def _local_hessians(program: Program, hierarchy: Hierarchy, leaves: Mapping[str, np.ndarray], at: Floats) -> Any:
    """`(leaves, z (universe, dimension)) -> (universe, block, width, width)`: the Hessian of the locals, by blocks."""
    import jax
    import jax.numpy as jnp

    blocks, count = Blocks(hierarchy.blocks, hierarchy.locals), hierarchy.globals

    def make() -> Any:
        density = potential(program.signature, hierarchy.sites)

        def one(of: Any) -> Any:
            leaves, z = of
            slope = jax.grad(lambda inside: density(leaves, jnp.concatenate([z[:count], inside])))
            return curved(slope, z[count:], blocks).hessian

        return compiled(lambda leaves, at: jax.lax.map(one, (leaves, at)), leaves, at, options=QUICK_COMPILE)

    device = cast(Any, jax.config).jax_default_device or jax.local_devices()[0]
    return _LOCALS.get((program.id, at.shape, str(device)), make)

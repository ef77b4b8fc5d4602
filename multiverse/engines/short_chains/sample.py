"""Exact draws from approximate ones: many short chains of NUTS that begin at the draws of an approximation.

Each universe has K superchains of M chains. A superchain begins at one draw of the approximation, taken by its
importance weight; all its chains begin there and part by their randomness. Chains move in coordinates in which the
approximation is white, so warm-up has the step size left to find. Superchains that still differ have not forgotten
where they began: nested R-hat is gated.

What this cannot see: a mode that no draw of the approximation lies in. Superchains from a wrong approximation that
misses a mode agree, and are wrong; so they are if the approximation is so narrow, and warm-up so short, that all of
them are on the same way still (split R-hat of single chains is a coarse gate against that). As for warm NUTS, audits
by chains that start cold and apart are for this (`engines/auto/audit.py`).

Source: Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari, Gelman 2024, Bayesian Analysis, doi:10.1214/24-BA1453.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from multiverse.engines.block_arguments import block_arguments
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.nuts.block import LaneDraws, block_functions
from multiverse.engines.nuts.stoppable import Sampled, StoppableBlock, compile_block
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.programs import Programs
from multiverse.engines.short_chains.begin import Approximation, Begin, begin, columns_at
from multiverse.engines.short_chains.judge import OPEN, judge_short
from multiverse.engines.short_chains.settings import ShortChains
from multiverse.identity.keys import rng_words
from multiverse.planning.coordinates import (
    CENTRE,
    COLUMNS,
    SCALE,
    STRETCH,
    Coordinates,
    as_written,
    whitened,
    without_centres,
)
from multiverse.planning.noncentered import noncentered
from multiverse.planning.program import Program
from multiverse.planning.tracing import here

START: Final = "whitened: start"  # a leaf of each superchain, (dimension,)
DEGREES: Final = 8  # of the starts that whitened coordinates would draw; none is drawn here

_PROGRAMS = Programs()


def sample_from(
    batch: Batch, draws: Mapping[str, Approximation], settings: ShortChains, seed: int
) -> dict[str, Outcome]:
    """An outcome for each key of a batch, from its exact posterior; red where the gate fails.

    draws: of the approximation, by key, without centres where the program has a hierarchy: there chains move. Its
    program is compiled on first use on a device, for `batch.block` universes. A universe has the same draws in any
    company, by its key, the seed and `batch.attempt`. One that takes longer than `wanted.time_limit` (compiling not
    counted), or has too few draws to begin from, is an outcome without draws.
    """
    import jax

    begun = {key: begin(draws[key], settings.superchains, _random(seed, key, batch.attempt)) for key in batch.keys}
    outcomes = {key: _without_draws(batch, key, end) for key, end in begun.items() if isinstance(end, Failure)}
    begins = {key: at for key, at in begun.items() if isinstance(at, Begin)}
    sampled: dict[str, Sampled] = {}
    if begins:
        sampler = _Sampler(batch, begins, settings, seed)
        with jax.enable_x64(settings.dtype == "float64"):
            run, keys = sampler.compiled(), tuple(begins)
            for i in range(0, len(keys), batch.block):
                sampled |= sampler.sample(run, keys[i : i + batch.block])
        outcomes |= {
            key: _without_draws(batch, key, _too_slow(batch, of, run.transitions))
            for key, of in sampled.items()
            if of.draws is None
        }
    if drawn := tuple(key for key in begins if key not in outcomes):
        lanes: LaneDraws = jax.tree.map(lambda *arrays: np.stack(arrays), *(sampled[key].draws for key in drawn))
        for outcome in judge_short(replace(batch, keys=drawn), lanes, settings):
            diagnostics = {**outcome.diagnostics, "start_power": begins[outcome.key].power}
            outcomes[outcome.key] = replace(outcome, diagnostics=diagnostics)
    return {
        key: replace(outcomes[key], seconds=sampled[key].seconds) if key in sampled else outcomes[key]
        for key in batch.keys
    }


class _Sampler:
    """A block of universes: in the compiled program each superchain is a universe, with its own start and key."""

    def __init__(self, batch: Batch, begins: Mapping[str, Begin], settings: ShortChains, seed: int) -> None:
        self._batch, self._begins, self._settings, self._seed = batch, begins, settings, seed

    def compiled(self) -> StoppableBlock:
        """The block of this program with these settings; compiled once in a process, on each device."""
        batch, settings = self._batch, self._settings
        sites, device = sites_to_see(batch), here()
        kernel = replace(settings, gate=type(settings.gate)())  # a gate only judges

        def make() -> StoppableBlock:
            nuts = settings.nuts(OPEN, chains=settings.chains)
            functions = block_functions(batch.program, nuts, sites, coordinates=_coordinates(batch.program))
            transitions = settings.warmup + settings.draws
            return compile_block(functions, *self._arguments([*self._begins][:1]), transitions)

        block: StoppableBlock = _PROGRAMS.get((kernel, batch.program.id, batch.block, sites, str(device)), make)
        return block

    def sample(self, run: StoppableBlock, keys: Sequence[str]) -> dict[str, Sampled]:
        """The draws of universes that fit into a block, each `(superchain x chain, ...)`; None where too slow."""
        import jax

        limit, lanes = self._batch.wanted.time_limit, self._settings.lanes
        block = run(*self._arguments(keys), limit if limit is None else limit * len(keys))
        if block.draws is None and len(keys) > 1:  # who was slow? The others shall not suffer for it.
            return {key: alone for key in keys for alone in self.sample(run, [key]).values()}
        if block.draws is None:
            return {keys[0]: block}
        shares = [
            jax.tree.map(lambda array, at=i: array[at * lanes : (at + 1) * lanes], block.draws)
            for i in range(len(keys))
        ]
        each = block.seconds / len(keys)
        return {key: Sampled(share, each, block.transitions) for key, share in zip(keys, shares, strict=True)}

    def _arguments(self, keys: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Random words and leaves of a block, `(universe x superchain, ...)`."""
        settings, attempt = self._settings, self._batch.attempt
        filled, _, leaves = block_arguments(self._batch, keys, seed=self._seed, dtype=settings.dtype)
        words = [
            rng_words(self._seed, f"{key} superchain {number}", attempt)
            for key in filled
            for number in range(settings.superchains)
        ]
        begins = [self._begins[key] for key in filled]
        leaves |= {
            CENTRE: np.stack([b.centre for b in begins]),
            SCALE: np.stack([b.scale for b in begins]),
            COLUMNS: np.stack([b.columns for b in begins]),
            STRETCH: np.stack([b.stretch for b in begins]),
        }
        rows = {path: np.repeat(leaf, settings.superchains, axis=0) for path, leaf in leaves.items()}
        rows[START] = np.concatenate([b.starts for b in begins])
        of_ours = (CENTRE, SCALE, COLUMNS, STRETCH, START)
        rows |= {path: rows[path].astype(settings.dtype) for path in of_ours}
        return np.array(words, np.uint32), rows


def _coordinates(program: Program) -> Coordinates:
    other = noncentered(program)
    base = as_written(program) if other is None else without_centres(other)
    white = whitened(base, columns_at(program.sites.dimension), DEGREES)
    return white._replace(random=lambda leaves, key: leaves[START])


def _random(seed: int, key: str, attempt: int) -> np.random.Generator:
    return np.random.default_rng(rng_words(seed, f"{key} starts", attempt))


def _too_slow(batch: Batch, sampled: Sampled, transitions: int) -> Failure:
    made = f"{sampled.transitions:,} of {transitions:,} transitions made (warm-up included)"
    limit = batch.wanted.time_limit
    return Failure(Reason.time, f"stopped after {sampled.seconds:.3g} s, with {made}; the limit is {limit:g} s")


def _without_draws(batch: Batch, key: str, end: Failure) -> Outcome:
    return Outcome(key, end.reason, end.message, diagnostics={"block": float(batch.block)}, attempt=batch.attempt)

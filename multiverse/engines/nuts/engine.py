"""NumPyro's NUTS, vectorised over universes and chains, in blocks of one fixed shape.

Source: Hoffman & Gelman 2014, JMLR 15; the kernel, adaptation and defaults are NumPyro's (Phan et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from multiverse.engines.block_arguments import block_arguments
from multiverse.engines.engine import Batch, make_batch, sites_to_see
from multiverse.engines.gate import Gate
from multiverse.engines.nuts.block import LaneDraws, block_functions
from multiverse.engines.nuts.climb import Climb, begin_climb
from multiverse.engines.nuts.judge import judge
from multiverse.engines.nuts.ladder import LADDER, Rung, next_attempt, rung_of
from multiverse.engines.nuts.price import nuts_price
from multiverse.engines.nuts.starts import PRIOR, STARTS, UNIFORM
from multiverse.engines.nuts.stoppable import Sampled, StoppableBlock, compile_block
from multiverse.engines.one_shot import batch_size
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.price import Price
from multiverse.engines.programs import Programs
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.planning.coordinates import Coordinates, as_written, without_centres
from multiverse.planning.machines import Machines
from multiverse.planning.noncentered import noncentered
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.tracing import here

LANES = 16  # of a block on a CPU; measured, docs/adr/0002: 7 % from the best width for small data, best for large
LANES_ACCELERATOR = 1024  # an accelerator is idle below some thousand lanes
UNIVERSES_A_BATCH = 64  # at most, so that a killed run loses seconds: a part of the store holds one batch

More = Mapping[str, Mapping[str, np.ndarray]]
"""By key and path, leaves of universes beside their own."""

NOTHING: Final[More] = MappingProxyType({})
_PROGRAMS = Programs()


@dataclass(frozen=True)
class NUTS:
    """The settings of the NUTS engine. All of them are in the run's id.

    chains, warmup, draws: per universe; draws are those kept after warm-up, in each chain. target_accept,
    max_tree_depth, dense_mass: as in NumPyro. seed: folded into every universe's random key. dtype: "float32" or
    "float64". gate: what a universe must pass to be green. ladder: how one that fails it is tried again; `()` for not
    at all. start: where each chain starts, "uniform" (within 2 of 0 on the unconstrained scale) or "prior" (a draw of
    its own from the prior, wherever that may lie); another such point where the density there is not finite.
    Raises PlanError for a start that is neither.
    """

    chains: int = 4
    warmup: int = 500
    draws: int = 500
    target_accept: float = 0.8
    max_tree_depth: int = 10
    dense_mass: bool = False
    seed: int = 0
    dtype: str = "float32"
    gate: Gate = field(default_factory=Gate)
    ladder: tuple[Rung, ...] = LADDER
    start: str = UNIFORM
    name: ClassVar[str] = "nuts"

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise PlanError(
                Problem(
                    f"the NUTS engine has start={self.start!r}.",
                    f"one of {', '.join(map(repr, STARTS))}",
                    f"{near_miss(str(self.start), STARTS)}NUTS(start={PRIOR!r})",
                )
            )

    @property
    def one_shot(self) -> bool:
        """Whether each universe is tried once; with a ladder, hard ones are answered last."""
        return not self.ladder

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs without its ladder; gradient: seconds of one value and gradient of one lane."""
        return nuts_price(program, gradient, transitions=self.chains * (self.warmup + self.draws))

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Climb:
        """The plan of what is still to do, and the last attempt at universes that were tried before."""
        return begin_climb(plan, before)

    def ask(self, state: Climb) -> Sequence[Batch]:
        """Blocks of universes, in a random order stratified by program; then those that failed, on their next rung.

        Whatever has finished is an honest sample of the whole. Keys are hashes: their order is random.
        """
        placed: list[tuple[float, str, Batch]] = []
        block = self.block(state.plan.machines)
        for program in state.plan.programs:
            size = batch_size(state.plan, self.name, program, block, UNIVERSES_A_BATCH)
            for attempt, keys in state.attempts(program, self.ladder).items():
                parts = [keys[i : i + size] for i in range(0, len(keys), size)]
                for i, part in enumerate(parts):
                    batch = make_batch(self, program, part, state.plan.wanted, block=block, attempt=attempt)
                    placed.append(((i + 0.5) / len(parts), program.id, batch))
        return [batch for _, _, batch in sorted(placed, key=lambda p: p[:2])]

    def tell(self, state: Climb, batch: Batch, outcomes: Sequence[Outcome]) -> Climb:
        """The state without what has been answered for good, and with the reasons of what has not."""
        return state.told(outcomes)

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """Sample a batch, block by block, and judge each universe. Compiles on first use of the program on a device.

        A universe that takes longer than `wanted.time_limit` (compiling not counted) is an outcome without draws.
        """
        rung = rung_of(self.ladder, batch.attempt)
        outcomes = (self if rung is None else self._on(rung))._judged(batch, rung)
        return tuple(self._placed(outcome, batch) for outcome in outcomes)

    def _judged(self, batch: Batch, rung: Rung | None, more: More = NOTHING) -> tuple[Outcome, ...]:
        """An outcome for each key. more: leaves of each universe beside its own, which coordinates ask for."""
        import jax

        sampled: dict[str, Sampled] = {}
        with jax.enable_x64(self.dtype == "float64"):
            run = self._compiled(batch, rung, more)
            for i in range(0, len(batch), batch.block):
                sampled |= self._sample(run, batch, batch.keys[i : i + batch.block], more)
        slow = {key: _too_slow(batch, key, sampled[key], run) for key in batch.keys if sampled[key].draws is None}
        drawn = tuple(key for key in batch.keys if key not in slow)
        judged = judge(replace(batch, keys=drawn), _stacked(sampled, drawn), self) if drawn else ()
        outcomes = slow | {outcome.key: outcome for outcome in judged}
        return tuple(replace(outcomes[key], seconds=sampled[key].seconds) for key in batch.keys)

    def _on(self, rung: Rung) -> NUTS:
        """The settings of an attempt on a rung."""
        return replace(
            self, warmup=self.warmup * rung.warmup, target_accept=max(self.target_accept, rung.target_accept)
        )

    def _placed(self, outcome: Outcome, batch: Batch) -> Outcome:
        """The outcome, with whether it is final, and on which rung it failed."""
        if outcome.ok:
            return outcome
        rung = rung_of(self.ladder, batch.attempt)
        further = next_attempt(
            self.ladder, batch.attempt, outcome.reason, lambda: noncentered(batch.program) is not None
        )
        message = f"{outcome.message} (on the rung {rung.name!r})" if rung else outcome.message
        return replace(outcome, final=further is None, message=message)

    def _sample(self, run: StoppableBlock, batch: Batch, keys: Sequence[str], more: More) -> dict[str, Sampled]:
        """The draws of some universes that fit into a block, each `(chain, ...)`."""
        limit = batch.wanted.time_limit
        block = run(*self._arguments(batch, keys, more), limit if limit is None else limit * len(keys))
        if block.draws is None and len(keys) > 1:  # who was slow? The others shall not suffer for it.
            return {key: alone for key in keys for alone in self._sample(run, batch, [key], more).values()}
        seconds = block.seconds / len(keys)
        shares = (_of(block.draws, i, self.chains) for i in range(len(keys)))
        return {key: Sampled(share, seconds, block.transitions) for key, share in zip(keys, shares, strict=True)}

    def _arguments(self, batch: Batch, keys: Sequence[str], more: More) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Random words and leaves of one block, with what there is more."""
        filled, words, leaves = block_arguments(batch, keys, seed=self.seed, dtype=self.dtype)
        beside = {path: np.stack([more[key][path] for key in filled]) for path in next(iter(more.values()), ())}
        return words, {**leaves, **{path: leaf.astype(self.dtype) for path, leaf in beside.items()}}

    def _compiled(self, batch: Batch, rung: Rung | None, more: More) -> StoppableBlock:
        """The block of this program with these settings; compiled once in a process, on each device."""
        sites, coordinates = sites_to_see(batch), self._coordinates(batch.program, rung)
        thin = 1 if rung is None else rung.longer
        device = here()
        # Everything that is compiled in: settings that only judge are left out.
        kernel = (self.chains, self.warmup, self.draws, self.target_accept, self.max_tree_depth, self.dense_mass)
        at = batch.program.id, coordinates.name, self.start, self.dtype, batch.block, sites, str(device)

        def make() -> StoppableBlock:
            functions = block_functions(batch.program, self, sites, thin=thin, coordinates=coordinates)
            words, leaves = self._arguments(batch, batch.keys[:1], more)
            return compile_block(functions, words, leaves, self.warmup + self.draws * thin)

        block: StoppableBlock = _PROGRAMS.get((kernel, thin, *at), make)
        return block

    def _coordinates(self, program: Program, rung: Rung | None) -> Coordinates:
        """In which an attempt samples."""
        from_prior = self.start == PRIOR
        other = noncentered(program) if rung is not None and rung.noncentered else None
        return (
            as_written(program, from_prior=from_prior)
            if other is None
            else without_centres(other, from_prior=from_prior)
        )

    def block(self, machines: Machines) -> int:
        """How many universes a block holds: the same for every program and plan, so that bits depend on neither."""
        lanes = LANES if machines.devices == "cpu" else LANES_ACCELERATOR
        return max(1, lanes // self.chains)


def _of(lanes: LaneDraws | None, universe: int, chains: int) -> LaneDraws | None:
    """The lanes of one universe of a block."""
    import jax

    at = slice(universe * chains, (universe + 1) * chains)
    return None if lanes is None else jax.tree.map(lambda array: array[at], lanes)


def _stacked(sampled: Mapping[str, Sampled], keys: Sequence[str]) -> LaneDraws:
    """The draws of several universes, `(universe, chain, ...)`."""
    import jax

    stacked: LaneDraws = jax.tree.map(lambda *arrays: np.stack(arrays), *(sampled[key].draws for key in keys))
    return stacked


def _too_slow(batch: Batch, key: str, sampled: Sampled, run: StoppableBlock) -> Outcome:
    message = (
        f"stopped after {sampled.seconds:.3g} s, with {sampled.transitions:,} of {run.transitions:,} transitions made "
        f"(warm-up included); the limit is {batch.wanted.time_limit:g} s"
    )
    return Outcome(key, Reason.time, message, diagnostics={"block": float(batch.block)}, attempt=batch.attempt)

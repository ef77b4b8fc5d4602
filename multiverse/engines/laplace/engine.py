"""Laplace's approximation of every universe, corrected by Pareto-smoothed importance weights: exact where green.

A proposal is a multivariate Student-t at the mode of the log joint on the unconstrained scale, shaped by the Hessian
there. Its draws are weighed by log joint minus log proposal; Pareto's k-hat says whether the weights can be relied on.
Sources: Tierney and Kadane 1986, JASA 81(393); Vehtari et al. 2024, JMLR 25(72), arXiv:1507.02646.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, cast

from multiverse.cores import cores
from multiverse.engines.compiled import Once
from multiverse.engines.engine import Batch, make_batch, sites_to_see
from multiverse.engines.gate import WeightsGate
from multiverse.engines.laplace.block import BlockShape, LaplaceBlock, compile_laplace
from multiverse.engines.laplace.fit import block_arguments, fit_block
from multiverse.engines.laplace.price import laplace_price
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price
from multiverse.errors import PlanError, Problem
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

BLOCK: Final = 16  # universes of one compiled call
HESSIAN_NUMBERS: Final = 1 << 22  # of all starts of a block, at most: 32 MiB in float64
ROUNDS: Final = 8  # every worker gets at least so many batches of a program, where there are enough: all end together
UNIVERSES_A_BATCH: Final = 128  # at most, so that a killed run loses seconds: a part of the store holds one batch

_PROGRAMS = Once()


@dataclass(frozen=True)
class Laplace:
    """The settings of the Laplace engine. All of them are in the run's id.

    draws: from the proposal of each universe. starts: from how many points a mode is searched, 0 and random ones.
    degrees: of freedom of the proposal, an even number: the fewer, the heavier its tails. seed: folded into every
    universe's random key. dtype: "float64" or "float32". gate: what a universe must pass to be green.
    Raises PlanError for settings with which nothing could be drawn.
    """

    draws: int = 1000
    starts: int = 4
    degrees: int = 8
    seed: int = 0
    dtype: str = "float64"
    gate: WeightsGate = field(default_factory=WeightsGate)
    name: ClassVar[str] = "laplace"

    def __post_init__(self) -> None:
        least = {"draws": 1, "starts": 1, "degrees": 2}
        problems = [
            Problem(f"the Laplace engine has {name}={getattr(self, name)!r}.", f"at least {number}", f"{name}={usual}")
            for name, number, usual in zip(least, least.values(), (1000, 4, 8), strict=True)
            if not getattr(self, name) >= number
        ]
        if self.degrees % 2:
            problems.append(Problem(f"the Laplace engine has degrees={self.degrees!r}.", "an even number", "degrees=8"))
        if problems:
            raise PlanError(problems)

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs; gradient: seconds of one value and gradient of one lane. None for what is no model."""
        if program.kind != "model":
            return None
        return laplace_price(program, gradient, draws=self.draws, starts=self.starts, block=self.block(program))

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> _State:
        """Every universe is asked once; one that was tried before gets the next attempt."""
        attempts: dict[str, int] = {}
        for outcome in before:
            attempts[outcome.key] = max(outcome.attempt, attempts.get(outcome.key, 0))
        return _State(plan, attempts)

    def ask(self, state: _State) -> Sequence[Batch]:
        """Batches in a random order stratified by program, so that what has finished is an honest sample."""
        placed: list[tuple[float, str, Batch]] = []
        for program in state.plan.programs:
            block = self.block(program)
            size = _batch_size(len(program.members), block)
            keys = sorted(state.plan.todo & program.members.keys())
            for attempt in sorted({state.attempts.get(key, 0) for key in keys}):
                mine = [key for key in keys if state.attempts.get(key, 0) == attempt]
                parts = [mine[i : i + size] for i in range(0, len(mine), size)]
                for i, part in enumerate(parts):
                    batch = make_batch(self, program, part, state.plan.wanted, block=block, attempt=attempt + 1)
                    placed.append(((i + 0.5) / len(parts), program.id, batch))
        return [batch for _, _, batch in sorted(placed, key=lambda p: p[:2])]

    def tell(self, state: _State, batch: Batch, outcomes: Sequence[Outcome]) -> _State:
        """The state without what has been answered."""
        return replace(state, plan=state.plan.without(batch.keys))

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """Search modes, draw, weigh and judge, block by block. Compiles on first use of the program on a device.

        A universe whose mode is not found within `wanted.time_limit` (compiling not counted) is red for that.
        """
        import jax

        with jax.enable_x64(self.dtype == "float64"):
            run = self._compiled(batch)
            parts = [batch.keys[i : i + batch.block] for i in range(0, len(batch), batch.block)]
            found = {key: outcome for part in parts for key, outcome in fit_block(run, batch, part, self).items()}
        return tuple(found[key] for key in batch.keys)

    def _compiled(self, batch: Batch) -> LaplaceBlock:
        """The block of this program with these settings; compiled once in a process, on each device."""
        import jax

        sites = sites_to_see(batch)
        device = cast(Any, jax.config).jax_default_device or jax.local_devices()[0]
        shape = BlockShape(self.draws, self.starts, self.dtype)
        key = batch.program.id, shape, batch.block, sites, str(device)

        def make() -> LaplaceBlock:
            return compile_laplace(batch.program, sites, *block_arguments(batch, batch.keys[:1], self), shape)

        block: LaplaceBlock = _PROGRAMS.get(key, make)
        return block

    def block(self, program: Program) -> int:
        """How many universes a block of a program holds: its Hessians shall fit into memory, in any plan."""
        return max(1, min(BLOCK, HESSIAN_NUMBERS // (self.starts * program.sites.dimension**2)))


@dataclass(frozen=True)
class _State:
    """The plan of what is still to do, and the last attempt at universes that were tried before."""

    plan: Plan
    attempts: Mapping[str, int]


def _batch_size(share: int, block: int) -> int:
    """How many universes a batch holds, by the share of its program in the whole plan: whole blocks."""
    fair = min(share // (ROUNDS * cores()), UNIVERSES_A_BATCH)
    return max(block, fair // block * block)

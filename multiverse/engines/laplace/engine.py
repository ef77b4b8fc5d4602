"""Laplace's approximation of every universe, corrected by Pareto-smoothed importance weights: exact where green.

A proposal is a multivariate Student-t at the mode of the log joint on the unconstrained scale, shaped by the Hessian
there. Its draws are weighed by log joint minus log proposal; Pareto's k-hat says whether the weights can be relied on.
Sources: Tierney and Kadane 1986, JASA 81(393); Vehtari et al. 2024, JMLR 25(72), arXiv:1507.02646.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from multiverse.engines.block_arguments import block_arguments
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.gate import WeightsGate
from multiverse.engines.laplace.block import BlockShape, LaplaceBlock, compile_laplace
from multiverse.engines.laplace.fit import fit_block
from multiverse.engines.laplace.price import laplace_price
from multiverse.engines.least import too_small
from multiverse.engines.one_shot import OneShot, batches, begin
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price
from multiverse.engines.programs import Programs
from multiverse.errors import PlanError, Problem
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.tracing import here

BLOCK: Final = 16  # universes of one compiled call
HESSIAN_NUMBERS: Final = 1 << 22  # of all starts of a block, at most: 32 MiB in float64
UNIVERSES_A_BATCH: Final = 128  # at most, so that a killed run loses seconds: a part of the store holds one batch

_PROGRAMS = Programs()


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
    one_shot: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problems = too_small(self, "the Laplace engine", draws=1, starts=1, degrees=2)
        if self.degrees % 2:
            problems.append(Problem(f"the Laplace engine has degrees={self.degrees!r}.", "an even number", "degrees=8"))
        if problems:
            raise PlanError(problems)

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs; gradient: seconds of one value and gradient of one lane. None for what is no model."""
        if program.kind != "model":
            return None
        return laplace_price(program, gradient, draws=self.draws, starts=self.starts, block=self.block(program))

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> OneShot:
        """Every universe is asked once; one that was tried before gets the next attempt."""
        return begin(plan, before)

    def ask(self, state: OneShot) -> Sequence[Batch]:
        """All batches, in a random order stratified by program."""
        return batches(self, state, self.block, UNIVERSES_A_BATCH)

    def tell(self, state: OneShot, batch: Batch, outcomes: Sequence[Outcome]) -> OneShot:
        """The state without what has been answered."""
        return state.told(batch)

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
        sites = sites_to_see(batch)
        device = here()
        shape = BlockShape(self.draws, self.starts, self.dtype)
        key = batch.program.id, shape, batch.block, sites, str(device)

        def make() -> LaplaceBlock:
            _, words, leaves = block_arguments(batch, batch.keys[:1], seed=self.seed, dtype=self.dtype)
            return compile_laplace(batch.program, sites, words, leaves, shape)

        block: LaplaceBlock = _PROGRAMS.get(key, make)
        return block

    def block(self, program: Program) -> int:
        """How many universes a block of a program holds: its Hessians shall fit into memory, in any plan."""
        return max(1, min(BLOCK, HESSIAN_NUMBERS // (self.starts * program.sites.dimension**2)))

"""Nested Laplace approximation of hierarchical models, corrected by Pareto-smoothed importance weights.

Globals are drawn around the mode of their marginal, locals around their own mode given each draw of the globals; both
are weighed by the user's exact log joint, and Pareto's k-hat says whether the weights can be relied on: exact where
green. Sources: Rue, Martino, Chopin 2009, JRSS B 71(2) (nested Laplace); Vehtari et al. 2024, JMLR 25(72).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from multiverse.engines.block_arguments import block_arguments
from multiverse.engines.compiled import Once
from multiverse.engines.engine import Batch, sites_to_see
from multiverse.engines.gate import WeightsGate
from multiverse.engines.least import too_small
from multiverse.engines.nested.block import NestedBlock, compile_nested
from multiverse.engines.nested.fit import fit_block
from multiverse.engines.nested.price import nested_price
from multiverse.engines.one_shot import OneShot, batches, begin
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.price import Price
from multiverse.engines.programs import Programs
from multiverse.errors import PlanError, Problem
from multiverse.planning.hierarchy import Hierarchy, NoHierarchy, find_hierarchy
from multiverse.planning.noncentered import noncentered
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.tracing import here

BLOCK: Final = 16  # universes of one compiled call
DRAWN_NUMBERS: Final = 1 << 23  # of all draws of a block and round, at most: 64 MiB in float64
UNIVERSES_A_BATCH: Final = 64  # at most, so that a killed run loses seconds: a part of the store holds one batch

_PROGRAMS, _HIERARCHIES = Programs(), Once()


@dataclass(frozen=True)
class NestedLaplace:
    """The settings of the nested Laplace engine. All of them are in the run's id.

    draws: of each universe, from all rounds. rounds: of the globals' proposal, each shaped by those before. starts:
    from how many points a mode of the globals is searched, 0 and random ones. seed: folded into every universe's random
    key. dtype: "float64" or "float32". gate: what a universe must pass to be green.
    Raises PlanError for settings with which nothing could be drawn.
    """

    draws: int = 600
    rounds: int = 3
    starts: int = 2
    seed: int = 0
    dtype: str = "float64"
    gate: WeightsGate = field(default_factory=WeightsGate)
    name: ClassVar[str] = "nested"
    one_shot: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problems = too_small(self, "the nested Laplace engine", draws=1, rounds=1, starts=1)
        if not problems and self.draws % self.rounds:
            what = f"the nested Laplace engine has draws={self.draws} in rounds={self.rounds}."
            whole = max(1, self.draws // self.rounds) * self.rounds
            problems.append(Problem(what, "a multiple of the rounds: each draws as many", f"draws={whole}"))
        if problems:
            raise PlanError(problems)

    @property
    def draws_a_round(self) -> int:
        """How many draws each round makes."""
        return self.draws // self.rounds

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs; gradient: seconds of one value and gradient of one lane. None without a hierarchy."""
        if program.kind != "model":
            return None
        return nested_price(program, gradient, draws=self.draws, starts=self.starts)

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

        A universe whose rounds have not begun within `wanted.time_limit` (compiling not counted) is red for that; where
        the model has no hierarchy, all are red, and nothing is compiled.
        """
        import jax

        hierarchy = _HIERARCHIES.get(
            batch.program.id, lambda: find_hierarchy(batch.program, noncentered(batch.program))
        )
        if isinstance(hierarchy, NoHierarchy):
            return tuple(Outcome(key, Reason.structure, hierarchy.why, attempt=batch.attempt) for key in batch.keys)
        with jax.enable_x64(self.dtype == "float64"):
            run = self.compiled(batch, hierarchy)
            parts = [batch.keys[i : i + batch.block] for i in range(0, len(batch), batch.block)]
            found = {key: outcome for part in parts for key, outcome in fit_block(run, batch, part, self).items()}
        return tuple(found[key] for key in batch.keys)

    def compiled(self, batch: Batch, hierarchy: Hierarchy) -> NestedBlock:
        """The block of this program with these settings; compiled once in a process, on each device."""
        sites = sites_to_see(batch)
        device = here()
        own = hierarchy.other is None
        key = batch.program.id, own, self.draws_a_round, self.starts, self.dtype, batch.block, sites, str(device)

        def make() -> NestedBlock:
            leaves = block_arguments(batch, batch.keys[:1], seed=self.seed, dtype=self.dtype).leaves
            return compile_nested(
                batch.program,
                hierarchy,
                sites,
                leaves,
                universes=batch.block,
                starts=self.starts,
                draws=self.draws_a_round,
                dtype=self.dtype,
            )

        block: NestedBlock = _PROGRAMS.get(key, make)
        return block

    def block(self, program: Program) -> int:
        """How many universes a block of a program holds: its draws shall fit into memory, in any plan."""
        return max(1, min(BLOCK, DRAWN_NUMBERS // (self.draws_a_round * program.sites.dimension)))

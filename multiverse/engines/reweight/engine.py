"""A few universes sampled, all others answered from their draws by importance weights: exact where green.

The sampled universes, the anchors, are one mixture (multiple importance sampling, balance heuristic; normalisers by
MBAR), which every other universe with the same latent sites is weighed against. Pareto's k-hat says whether the weights
can be relied on; further anchors are sampled where it is worst. The widest universe is sampled first.
Sources: Veach and Guibas 1995; Shirts and Chodera 2008 (see `mbar`); Vehtari et al. 2024, JMLR 25(72).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.gate import WeightsGate
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.one_shot import batch_size
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price
from multiverse.engines.reweight.anchor import anchors_in
from multiverse.engines.reweight.families import ANCHOR, ANCHORS_A_ROUND, LAST, Family, beside, families, next_anchors
from multiverse.engines.reweight.resume import resumed
from multiverse.engines.reweight.sample import sample, with_ratios
from multiverse.engines.reweight.weigh import TOGETHER, unanswered, weigh
from multiverse.engines.reweight.widest import widest
from multiverse.errors import PlanError, Problem
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

UNIVERSES_A_BATCH: Final = 128  # at most, so that a killed run loses seconds: a part of the store holds one batch

COMPILE_SECONDS: Final = 2.0  # of the densities, beside NUTS; measured 1 to 3
ANCHORS_USUAL: Final = 8  # of some hundred universes; the regressions take 5 to 9
LOG_JOINT: Final = 1 / 3  # gradients that a log joint costs
JUDGE_SECONDS: Final = 5e-7  # of a draw, for smoothing its weight and the estimates


@dataclass(frozen=True)
class Reweight:
    """The settings of the reweighting engine. All of them are in the run's id.

    anchors_max: universes of a family (all that have the same latent sites) that are sampled, at most. draws: of each
    anchor, weighed for all other universes; as many are kept of each of these. nuts: how anchors are sampled and
    judged; its seed is that of this engine, its ladder is not used. seed: folded into every universe's random key.
    dtype: "float64" or "float32", of the densities. gate: what a weighed universe must pass to be green.
    Raises PlanError for settings with which nothing could be answered.
    """

    anchors_max: int = 16
    draws: int = 1000
    nuts: NUTS = field(default_factory=lambda: NUTS(ladder=()))
    seed: int = 0
    dtype: str = "float64"
    gate: WeightsGate = field(default_factory=WeightsGate)
    name: ClassVar[str] = "reweight"

    def __post_init__(self) -> None:
        problems = []
        if not self.anchors_max >= 1:
            what = f"the reweighting engine has anchors_max={self.anchors_max!r}."
            problems.append(Problem(what, "at least 1", "Reweight(anchors_max=16)"))
        sampled = self.nuts.chains * self.nuts.draws
        if not self.nuts.chains <= self.draws <= sampled or self.draws % self.nuts.chains:
            whole = max(1, min(self.draws, sampled) // self.nuts.chains) * self.nuts.chains
            problems.append(
                Problem(
                    f"the reweighting engine has draws={self.draws!r}.",
                    f"a multiple of the {self.nuts.chains} chains of its anchors, at most their {sampled} draws",
                    f"Reweight(draws={whole})",
                )
            )
        if problems:
            raise PlanError(problems)

    @property
    def sampler(self) -> NUTS:
        """The engine of the anchors."""
        return replace(self.nuts, seed=self.seed, ladder=())

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs; gradient: seconds of one value and gradient of one lane. None for what is no model.

        As if no two universes shared a likelihood: those that do cost less.
        """
        anchor = self.sampler.price(program, gradient)
        if anchor is None:
            return None
        anchors = min(ANCHORS_USUAL, self.anchors_max)
        draw = gradient * LOG_JOINT + JUDGE_SECONDS
        return Price(
            anchor.compile + COMPILE_SECONDS, anchor.once + anchors * anchor.universe, anchors * self.draws * draw
        )

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> _State:
        """The families of the plan, each with the anchors that it has already."""
        attempts: dict[str, int] = {}
        for outcome in before:
            attempts[outcome.key] = max(outcome.attempt, attempts.get(outcome.key, 0))
        known = resumed(families(plan, self.anchors_max), plan, before, self._batch)
        return _State(plan, attempts, known)

    def ask(self, state: _State) -> Sequence[Batch]:
        """The next round of each family: anchors, or all that can be answered from the anchors there are."""
        return [batch for family in state.families for batch in self._asked(state, family)]

    def tell(self, state: _State, batch: Batch, outcomes: Sequence[Outcome]) -> _State:
        """The state after a batch."""
        here = next(i for i, f in enumerate(state.families) if any(p.id == batch.program.id for p in f.programs))
        known = list(state.families)
        known[here] = known[here].told(batch, outcomes)
        done = [outcome.key for outcome in outcomes if outcome.ok or batch.purpose == LAST]
        attempts = {outcome.key: max(outcome.attempt, state.attempts.get(outcome.key, 0)) for outcome in outcomes}
        return _State(state.plan.without(done), {**state.attempts, **attempts}, tuple(known))

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """Sample anchors, or weigh the draws of those given. Compiles on first use of a program on a device."""
        import jax

        with jax.enable_x64(self.dtype == "float64"):
            if batch.purpose == ANCHOR:
                return sample(batch, self)
            anchors = anchors_in(given, batch.beside)
            outcomes = weigh(batch, anchors, self) if anchors else unanswered(batch)
        last = batch.purpose == LAST
        return tuple(replace(outcome, final=outcome.ok or last) for outcome in outcomes)

    def joined(
        self, batch: Batch, outcomes: Sequence[Outcome], given: Mapping[str, tuple[Outcome, ...]]
    ) -> tuple[Outcome, ...]:
        """Anchors of one batch, with the ratios of their marginal likelihoods."""
        import jax

        if batch.purpose != ANCHOR:
            return tuple(outcomes)
        with jax.enable_x64(self.dtype == "float64"):
            return with_ratios(batch, outcomes, anchors_in(given, batch.beside), self)

    def lost(
        self, batch: Batch, outcomes: Sequence[Outcome], given: Mapping[str, tuple[Outcome, ...]]
    ) -> tuple[Outcome, ...]:
        """Universes whose process died: they are asked again, but for the last time."""
        return tuple(replace(outcome, final=batch.purpose == LAST) for outcome in outcomes)

    def _asked(self, state: _State, family: Family) -> list[Batch]:
        todo = family.members(state.plan.todo)
        if not todo:
            return []
        known = {key for batch in family.again for key in batch.keys}
        waiting = [key for key in todo if key not in family.red and key not in known]
        if family.is_last or (not family.anchors and family.failed.issuperset(todo)):
            return [*family.again, *self._answers(state, family, waiting or ([] if known else list(todo)), LAST)]
        if not family.anchors:
            return self._anchors(state, family, beside(self._widest(todo, family), todo, family, state.plan))
        if family.again or waiting:
            return [*family.again, *self._answers(state, family, waiting, "")]
        count = min(ANCHORS_A_ROUND, family.budget - family.tried)
        if further := next_anchors(family, state.plan, count):
            return self._anchors(state, family, further)
        return self._answers(state, family, list(todo), LAST)

    def _widest(self, todo: Mapping[str, Program], family: Family) -> str:
        import jax

        with jax.enable_x64(self.dtype == "float64"):
            fresh = {key: program for key, program in todo.items() if key not in family.failed}
            return widest(fresh or todo, self)

    def _anchors(self, state: _State, family: Family, keys: Iterable[str]) -> list[Batch]:
        return [
            self._batch(family, program, some, attempt, ANCHOR, state.plan)
            for (program, attempt), some in _grouped(state, family, keys)
        ]

    def _answers(self, state: _State, family: Family, keys: Iterable[str], purpose: str) -> list[Batch]:
        """Batches in a random order stratified by program, so that what has finished is an honest sample."""
        placed: list[tuple[float, str, Batch]] = []
        for (program, attempt), some in _grouped(state, family, keys):
            size = batch_size(state.plan, self.name, program, TOGETHER, UNIVERSES_A_BATCH)
            parts = [some[i : i + size] for i in range(0, len(some), size)]
            for i, part in enumerate(parts):
                batch = self._batch(family, program, part, attempt, purpose, state.plan)
                placed.append(((i + 0.5) / len(parts), program.id, batch))
        return [batch for _, _, batch in sorted(placed, key=lambda p: p[:2])]

    def _batch(
        self, family: Family, program: Program, keys: Sequence[str], attempt: int, purpose: str, plan: Plan
    ) -> Batch:
        block = self.sampler.block(plan.machines) if purpose == ANCHOR else 1
        return make_batch(
            self,
            program,
            keys,
            plan.wanted,
            block=block,
            attempt=attempt,
            reads=family.reads,
            purpose=purpose,
            beside=family.beside,
        )


@dataclass(frozen=True)
class _State:
    """The plan of what is still to do, the last attempt at each universe, and where each family is."""

    plan: Plan
    attempts: Mapping[str, int]
    families: tuple[Family, ...]


def _grouped(state: _State, family: Family, keys: Iterable[str]) -> list[tuple[tuple[Program, int], list[str]]]:
    """Universes by program and the number of their next attempt, in order."""
    groups: dict[tuple[str, int], tuple[Program, list[str]]] = {}
    for key, program in family.members(keys).items():
        attempt = state.attempts.get(key, 0) + 1
        groups.setdefault((program.id, attempt), (program, []))[1].append(key)
    return [((program, attempt), some) for (_, attempt), (program, some) in sorted(groups.items(), key=_first)]


def _first(item: tuple[tuple[str, int], Any]) -> tuple[str, int]:
    return item[0]

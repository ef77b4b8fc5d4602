"""One network answers every universe of a family, and says where it must not be trusted.

A conditional density network learns posteriors from simulations of the user's own model over the whole space. Then each
universe is answered by draws of it, weighed by the exact log joint: Pareto's k-hat says whether the weights can be
relied on, and a distance whether the data are such as the universe simulates. Exact where green.
Sources: Papamakarios and Murray 2016, arXiv:1605.06376; Radev et al. 2020, arXiv:2003.06281; Elsemüller et al. 2024,
arXiv:2310.11122 (context); Li et al. 2024, arXiv:2409.04332 (gates and escalation).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Final

from multiverse.engines.amortized.answer import BLOCK
from multiverse.engines.amortized.consistency import Consistency
from multiverse.engines.amortized.family import Family, families_of
from multiverse.engines.amortized.fit import answered, chained, declined, trained
from multiverse.engines.amortized.gate import NetworkGate
from multiverse.engines.amortized.learner import Size
from multiverse.engines.amortized.learning import DECLINED, TRAINING, Goal, Learning, content_of
from multiverse.engines.amortized.price import amortized_price
from multiverse.engines.amortized.simulations import AUTO, WHITEN
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.amortized.tuning import Tuning
from multiverse.engines.amortized.unlabelled import Unlabelled
from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.failed import failed
from multiverse.engines.least import too_small
from multiverse.engines.one_shot import batch_size
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price
from multiverse.engines.short_chains.settings import ShortChains
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

CHAINS: Final = "short chains"  # purpose of a batch of universes whose weights could not be relied on
CHAINS_A_BATCH: Final = 16  # of these, at most
UNIVERSES_A_BATCH: Final = 128  # at most, so that a killed run loses seconds: a part of the store holds one batch
KINDS: Final = ("affine", "spline")
DTYPES: Final = ("float64", "float32")


@dataclass(frozen=True)
class Amortized:
    """The settings of the amortized engine. All of them are in the run's id.

    draws: of each universe. training: how long and on what a network learns. goal: when it has learnt enough, before
    `training.steps`. tuning: how it is tuned on the universes at hand, which needs a density; None: it learns from
    simulations alone. consistency: whether their data teach it too, by another loss that needs a density. members:
    networks of the ensemble, trained together; None: one, or three where the model only simulates, so that they can be
    seen to disagree. couplings, kind, width: its size; kind is "affine", or "spline" for posteriors with several modes
    or sharp bends, at twice the price. whiten: by "newton" steps of the log joint, by the "prior", or "auto": by the
    prior where there is a hierarchy. seed: of training, and folded into every universe's random key. dtype: of the log
    joint, "float64" or "float32"; networks are in float32. gate: what a universe must pass to be green. escalate: how a
    universe is sampled whose weights cannot be relied on, many short chains from the network's draws; None: it is red.
    Raises PlanError for settings with which nothing could be learnt.
    """

    draws: int = 2000
    training: Schedule = field(default_factory=Schedule)
    goal: Goal = field(default_factory=Goal)
    tuning: Tuning | None = field(default_factory=Tuning)
    consistency: Consistency | None = None
    members: int | None = None
    couplings: int = 6
    kind: str = "affine"
    width: int = 128
    whiten: str = AUTO
    seed: int = 0
    dtype: str = "float64"
    gate: NetworkGate = field(default_factory=NetworkGate)
    escalate: ShortChains | None = field(default_factory=ShortChains)
    name: ClassVar[str] = "amortized"
    takes: ClassVar[tuple[str, ...]] = ("model", "simulate")

    def __post_init__(self) -> None:
        members = {} if self.members is None else {"members": 1}
        problems = too_small(self, "the amortized engine", draws=1, couplings=1, width=1, **members)
        for name, known in (("kind", KINDS), ("whiten", WHITEN), ("dtype", DTYPES)):
            value = getattr(self, name)
            if value not in known:
                what = f"the amortized engine has {name}={value!r}."
                problems.append(
                    Problem(what, f"one of {', '.join(known)}", f"{near_miss(value, known)}{name}={known[0]!r}")
                )
        if problems:
            raise PlanError(problems)

    @property
    def size(self) -> Size:
        """What the network is made of."""
        return Size(self.couplings, self.kind, self.width, self.members, self.whiten)

    @property
    def learnt(self) -> dict[str, Any]:
        """All settings that a network hangs on; on `dtype` by how it does on held-out simulations."""
        settings = {name: getattr(self, name) for name in ("training", "tuning", "consistency")}
        parts = {name: None if part is None else asdict(part) for name, part in settings.items()}
        return {**parts, "size": self.size._asdict(), "seed": self.seed, "dtype": self.dtype}

    def unlabelled(self, family: Family) -> tuple[Unlabelled, ...]:
        """What real universes add to the loss of a family's network: nothing where there is no density."""
        verified = all(program.kind == "model" for program in family.programs)
        return tuple(loss for loss in (self.tuning, self.consistency) if loss is not None and verified)

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs; gradient: seconds of one value and gradient of one lane. None where it has no price."""
        size = {"draws": self.draws, "members": self.members or 1}
        return amortized_price(program, gradient, **size, training=self.training, tuned=self.tuning is not None)

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> State:
        """The families of the plan; what each has learnt is told from the store, segment by segment."""
        attempts: dict[str, int] = {}
        red: dict[str, Outcome] = {}
        found, why = families_of(plan, tuned=self.tuning is not None)
        if self.consistency is not None and plan.study.only_simulates:
            raise PlanError(
                Problem(
                    f"the amortized engine has a consistency, and the study {plan.study.name!r} only simulates.",
                    "a density, which self-consistency compares the network with",
                    "leave `consistency` out",
                )
            )
        untuned = self.tuning.after if self.tuning else 0
        learning = tuple(Learning(family, content_of(family, self.learnt), untuned=untuned) for family in found)
        segments = -(-self.training.steps // self.training.stretch)
        own = {one.segment_id(number) for one in learning for number in range(1, segments + 1)}
        for outcome in before:
            if outcome.purpose != TRAINING or outcome.batch not in own:  # its own segments are told, and counted then
                attempts[outcome.key] = max(outcome.attempt, attempts.get(outcome.key, 0))
            if not (outcome.final or outcome.ok or outcome.purpose) and outcome.batch and self.escalate:
                red[outcome.key] = outcome
        return State(plan, attempts, learning, why, (tuple(red.values()),))

    def ask(self, state: State) -> Sequence[Batch]:
        """The next segment of each training; answers of the families whose networks have learnt enough."""
        asked: list[Batch] = []
        for learning in state.learning:
            if not any(state.todo & program.members.keys() for program in learning.family.programs):
                continue
            if self.goal.reached(learning, self.training):
                asked += [*self._answers(state, learning), *self._chains(state, learning)]
            else:
                asked.append(self._segment(state, learning))
        for program in state.plan.programs:
            if program.id in state.declined and (keys := sorted(state.todo & program.members.keys())):
                made = make_batch(
                    self, program, keys, state.plan.wanted, block=BLOCK, attempt=self._attempt(state, keys)
                )
                asked.append(replace(made, purpose=DECLINED, escalated=dict.fromkeys(keys, "")))
        return asked

    def tell(self, state: State, batch: Batch, outcomes: Sequence[Outcome]) -> State:
        """The state after a batch."""
        if batch.purpose != TRAINING:
            return state.told(batch, outcomes)
        learning = tuple(one.told(batch.id, outcomes[0]) if one.waits_for(batch.id) else one for one in state.learning)
        return replace(state, learning=learning)

    def note(self, state: State) -> str:
        """How far networks that still learn are, for people."""
        return ", ".join(
            learning.said(self.training)
            for learning in state.learning
            if learning.outcomes and not self.goal.reached(learning, self.training)
        )

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """Train a segment, or draw, weigh and judge. Compiles on first use of the program on a device."""
        if batch.purpose == DECLINED:
            return declined(batch, self)
        if batch.purpose == TRAINING:
            try:
                return trained(batch, given, self)
            except MemoryError:
                raise
            except Exception as error:  # none of its universe, which is still to be answered
                return self.lost(batch, failed(batch, error), given)
        if batch.purpose == CHAINS:
            return chained(batch, given, self)
        return answered(batch, given, self)

    def lost(
        self, batch: Batch, outcomes: Sequence[Outcome], given: Mapping[str, tuple[Outcome, ...]]
    ) -> tuple[Outcome, ...]:
        """A segment whose process died is no answer: its universe hears with all others that there is no network."""
        return tuple(replace(outcome, final=batch.purpose != TRAINING) for outcome in outcomes)

    def _segment(self, state: State, learning: Learning) -> Batch:
        """The next segment of a training: its id is that of what is learnt, whoever asks for it."""
        program = learning.family.programs[0]
        return Batch(
            learning.next_id,
            program,
            (learning.carrier,),
            state.plan.wanted,
            block=BLOCK,
            attempt=self._tried(state, learning, learning.carrier) + 1,
            reads=learning.segments[-1:],
            engine=self.name,
            purpose=TRAINING,
            beside=learning.beside,
        )

    def _answers(self, state: State, learning: Learning) -> list[Batch]:
        """Batches in a random order stratified by program, so that what has finished is an honest sample."""
        placed: list[tuple[float, str, Batch]] = []
        for program in learning.family.programs:
            size = batch_size(state.plan, self.name, program, BLOCK, UNIVERSES_A_BATCH)
            todo = sorted((state.todo & program.members.keys()) - state.red.keys())
            last = {key: self._tried(state, learning, key) for key in todo}
            for attempt in sorted(set(last.values())):
                keys = [key for key, its in last.items() if its == attempt]
                parts = [keys[i : i + size] for i in range(0, len(keys), size)]
                for i, part in enumerate(parts):
                    batch = make_batch(
                        self,
                        program,
                        part,
                        state.plan.wanted,
                        block=BLOCK,
                        attempt=attempt + 1,
                        reads=learning.network(self.goal, self.training),
                        beside=learning.beside,
                    )
                    placed.append(((i + 0.5) / len(parts), program.id, batch))
        return [batch for _, _, batch in sorted(placed, key=lambda p: p[:2])]

    def _chains(self, state: State, learning: Learning) -> list[Batch]:
        """Batches of universes that are red, by the number of their attempt."""
        asked: list[Batch] = []
        if self.escalate is None:
            return asked
        for program in learning.family.programs:
            keys = sorted(state.todo & program.members.keys() & state.red.keys())
            for attempt in sorted({state.red[key].attempt for key in keys}):
                mine = [key for key in keys if state.red[key].attempt == attempt]
                for i in range(0, len(mine), CHAINS_A_BATCH):
                    part = mine[i : i + CHAINS_A_BATCH]
                    made = make_batch(
                        self,
                        program,
                        part,
                        state.plan.wanted,
                        block=self.escalate.block(state.plan.machines),
                        attempt=attempt + 1,
                        reads=sorted({state.red[key].batch for key in part}),
                        purpose=CHAINS,
                    )
                    why = {key: f"{self.name}: {state.red[key].message.partition('; ')[0]}" for key in part}
                    asked.append(replace(made, escalated=why))
        return asked

    def _tried(self, state: State, learning: Learning, key: str) -> int:
        """The number of the last attempt at a universe; each segment of a training is one at its carrier."""
        before = state.attempts.get(key, 0)
        return max([before, *(o.attempt for o in learning.outcomes if o.key == key)])

    def _attempt(self, state: State, keys: Sequence[str]) -> int:
        return 1 + max(state.attempts.get(key, 0) for key in keys)


@dataclass(frozen=True)
class State:
    """Where a run is.

    plan: of what was to do. attempts: before, the last at each universe. learning: what is learnt. declined: by program
    id, why no network can learn it. answered: keys for good, and escalating: outcomes that are red and are to be
    sampled, both by batch, as one table of all would be made anew for each.
    """

    plan: Plan
    attempts: Mapping[str, int]
    learning: tuple[Learning, ...]
    declined: Mapping[str, str]
    escalating: tuple[tuple[Outcome, ...], ...] = ()
    answered: tuple[tuple[str, ...], ...] = ()

    @functools.cached_property
    def todo(self) -> frozenset[str]:
        """The keys still to be answered."""
        return self.plan.todo.difference(*self.answered)

    @functools.cached_property
    def red(self) -> Mapping[str, Outcome]:
        """Universes that escalate, by key."""
        return {outcome.key: outcome for some in self.escalating for outcome in some}

    def told(self, batch: Batch, outcomes: Sequence[Outcome]) -> State:
        """The state after a batch of answers."""
        done = tuple(outcome.key for outcome in outcomes if outcome.final)
        red = tuple(replace(outcome.light(), batch=batch.id) for outcome in outcomes if not outcome.final)
        escalating = (*self.escalating, red) if red else self.escalating
        return replace(self, answered=(*self.answered, done), escalating=escalating)

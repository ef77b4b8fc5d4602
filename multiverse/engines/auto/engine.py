"""Every universe by the cheapest engine that can pass its gate: what is red goes on, what is green is audited.

No engine of its own, but one that asks others: each step of a program is an engine over a part of the plan, run to its
end. A universe that is not answered by one goes to the next on its program's route; NUTS with its ladder is the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.auto.audit import Audit
from multiverse.engines.auto.history import AUDIT_Z, History
from multiverse.engines.auto.phases import AUDIT, MODES, SAMPLE, Board, Step
from multiverse.engines.auto.routing import price_of, routes
from multiverse.engines.engine import Batch, Engine, settings_of
from multiverse.engines.failed import failed
from multiverse.engines.laplace.engine import Laplace
from multiverse.engines.nested.engine import NestedLaplace
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.nuts.starts import PRIOR
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price
from multiverse.engines.reweight.engine import Reweight
from multiverse.engines.warm_nuts.engine import WarmNUTS
from multiverse.errors import PlanError, Problem
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

# fields of `Auto`, in order of escalation; the last one answers and audits
ORDER: Final = ("laplace", "nested", "reweight", "amortized", "warm_nuts", "nuts")
JOINT: Final = frozenset({"reweight"})  # engines that work across programs: none begins before all are there


@dataclass(frozen=True)
class Phase:
    """An engine at work on some universes. state: its own. busy: ids of their programs."""

    engine: Engine[Any]
    purpose: str
    keys: frozenset[str]
    busy: frozenset[str]
    state: Any

    def ask(self) -> tuple[Batch, ...]:
        """What the engine asks for next; none when it is done."""
        return tuple(self.engine.ask(self.state))


@dataclass(frozen=True)
class State:
    """Where all programs are.

    plan: what is still to do. phases: the engines at work, on programs of their own each. round: what they asked for,
    with the places of the phases: a network's training may be asked for by two. told: outcomes of the round so far, by
    batch. picked, passed: as in `Board`.
    """

    plan: Plan
    routes: Mapping[str, tuple[str, ...]]
    history: History
    picked: frozenset[str]
    passed: frozenset[tuple[str, str]] = frozenset()
    phases: tuple[Phase, ...] = ()
    round: tuple[tuple[tuple[int, ...], Batch], ...] = ()
    told: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Auto:
    """The settings of all engines that `auto` chooses from. All of them are in the run's id.

    laplace, nested, reweight, amortized, warm_nuts, nuts: the engines, in the order in which they are tried; None
    leaves one out, but for `nuts`, the last resort. Before it none climbs a ladder, or escalates: theirs is dropped.
    audit: how many universes that are green otherwise NUTS answers too, and what counts as a disagreement. by_price:
    whether an engine that would save nothing is left out; False: each that can take a program is tried. seed: of all
    engines; it replaces theirs.
    Raises PlanError without `nuts`.
    """

    laplace: Laplace | None = field(default_factory=Laplace)
    nested: NestedLaplace | None = field(default_factory=NestedLaplace)
    reweight: Reweight | None = field(default_factory=Reweight)
    amortized: Amortized | None = field(default_factory=Amortized)
    warm_nuts: WarmNUTS | None = field(default_factory=WarmNUTS)
    nuts: NUTS = field(default_factory=NUTS)
    audit: Audit = field(default_factory=Audit)
    by_price: bool = True
    seed: int = 0
    name: ClassVar[str] = "auto"

    def __post_init__(self) -> None:
        if self.nuts is None:
            raise PlanError(Problem("auto has no NUTS.", "a last resort", "Auto(nuts=NUTS())"))
        for one in ORDER:
            engine = getattr(self, one)
            if engine is not None:
                ladders: dict[str, Any] = {"ladder": (), "escalate": None}
                alone = {name: none for name, none in ladders.items() if one != ORDER[-1] and hasattr(engine, name)}
                object.__setattr__(self, one, replace(engine, seed=self.seed, **alone))

    @property
    def engines(self) -> tuple[Any, ...]:
        """The engines in order of escalation."""
        return tuple(engine for one in ORDER if (engine := getattr(self, one)) is not None)

    def engine_for(self, name: str, purpose: str = "") -> Any:
        """The engine that fits batches of this name and purpose. Raises KeyError for a name that is none of them."""
        engine = {engine.name: engine for engine in self.engines}[name]
        if purpose not in (AUDIT, MODES) or not hasattr(engine, "start"):
            return engine
        # cold and dispersed: where an engine found a mode, other starts may find others
        return replace(engine, start=PRIOR, chains=max(engine.chains, self.audit.chains))

    def route(self, plan: Plan, gradients: Mapping[str, float] | None = None) -> Mapping[str, tuple[str, ...]]:
        """Program id -> the engines that take its universes, in order, by price: see `routing.routes`."""
        return routes(plan, self.engines, self.audit.share, gradients, by_price=self.by_price)

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> State:
        """Where each program is after the attempts before; routes are those of the plan, or else decided now."""
        decided = self.route(plan) if any(p.id not in plan.routes for p in plan.programs) else {}
        picked = frozenset(key for key in plan.todo if self.audit.picks(key, self.seed))
        history = History(self.engines[-1].name).with_outcomes(before)
        return self._next_round(State(plan, {**decided, **plan.routes}, history, picked))

    def ask(self, state: State) -> Sequence[Batch]:
        """What all engines at work ask for; audits first, as they take longest."""
        return [batch for _, batch in state.round]

    def tell(self, state: State, batch: Batch, outcomes: Sequence[Outcome]) -> State:
        """The state after a batch; after the last one of a round, with what each program does next."""
        known = tuple(_made_by(batch, outcome.light()) for outcome in outcomes)
        told = {**state.told, batch.id: known}
        state = replace(state, told=told)
        return state if len(told) < len(state.round) else self._after_round(state)

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """What the batch's engine makes of it; final where no other engine takes over.

        An audit compares its answers with those that it reads. Where an engine raises and others come after it, its
        universe is red.
        """
        engine = self.engine_for(batch.engine, batch.purpose)
        try:
            outcomes = engine.fit(batch, given)
        except MemoryError:
            raise
        except Exception as error:
            if len(batch) > 1 or self._is_last(batch.engine):
                raise
            outcomes = failed(batch, error)
        answers = _audited(batch, given)
        return tuple(self._placed(outcome, batch, answers.get(outcome.key)) for outcome in outcomes)

    def joined(
        self, batch: Batch, outcomes: Sequence[Outcome], given: Mapping[str, tuple[Outcome, ...]]
    ) -> tuple[Outcome, ...]:
        """What the batch's engine has to say of all its universes together."""
        joined = getattr(self.engine_for(batch.engine, batch.purpose), "joined", None)
        return tuple(outcomes) if joined is None else tuple(joined(batch, outcomes, given))

    def lost(
        self, batch: Batch, outcomes: Sequence[Outcome], given: Mapping[str, tuple[Outcome, ...]]
    ) -> tuple[Outcome, ...]:
        """Universes that killed the process of an engine: the next one on their route may answer them."""
        lost = getattr(self.engine_for(batch.engine, batch.purpose), "lost", None)
        told = outcomes if lost is None else lost(batch, outcomes, given)
        answers = _audited(batch, given)
        return tuple(self._placed(outcome, batch, answers.get(outcome.key)) for outcome in told)

    def note(self, state: State) -> str:
        """What engines at work have to say of how far they are."""
        said = (getattr(phase.engine, "note", lambda _: "")(phase.state) for phase in state.phases)
        return ", ".join(filter(None, said))

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs where all goes well: the first engine of its route, and audits of a share."""
        many = len(program.members)
        priced = [price for engine in self.engines if (price := price_of(engine, program, gradient)) is not None]
        if not priced:
            return None
        *before, last = priced
        audited = self.audit.share * many
        audit = Price(min(1.0, audited) * last.compile, 0.0, self.audit.share * last.universe)
        cheap = [Price(p.compile + audit.compile, p.once, p.universe + audit.universe, p.shared) for p in before]
        return min([*cheap, last], key=lambda price: price.of(many))

    def _is_last(self, name: str) -> bool:
        return bool(name == self.engines[-1].name)

    def _placed(self, outcome: Outcome, batch: Batch, answer: Outcome | None) -> Outcome:
        """An outcome with whether it is final, why engines before did not answer, and what an audit found."""
        why = batch.escalated.get(outcome.key, "")
        answers_it = outcome.ok and outcome.final  # and does not say on the way what a network has learnt so far
        final = outcome.final if self._is_last(batch.engine) else answers_it and outcome.key not in batch.audited
        diagnostics = outcome.diagnostics
        if answer is not None and final:
            found = self.audit.judge(answer, outcome)
            diagnostics = {**diagnostics, AUDIT_Z: found.z}
            why = "; ".join(filter(None, [why, f"{answer.engine}: audited, {found.message}"]))
        elif answer is not None:
            why = "; ".join(filter(None, [why, f"{answer.engine}: audited"]))
        return _made_by(batch, replace(outcome, final=final, escalated=why, diagnostics=diagnostics))

    def _after_round(self, state: State) -> State:
        """All outcomes of a round told to their engines, and what is answered left out of the plan."""
        by_phase: dict[int, list[Batch]] = {}
        for places, batch in state.round:
            for at in places:
                by_phase.setdefault(at, []).append(batch)
        phases = tuple(self._told(phase, by_phase.get(at, ()), state.told) for at, phase in enumerate(state.phases))
        outcomes = [outcome for some in state.told.values() for outcome in some]
        plan = state.plan.without(outcome.key for outcome in outcomes if outcome.final)
        history = state.history.with_outcomes(outcomes)
        return self._next_round(replace(state, plan=plan, history=history, phases=phases, round=(), told={}))

    def _told(self, phase: Phase, batches: Iterable[Batch], told: Mapping[str, tuple[Outcome, ...]]) -> Phase:
        """A phase after a round. An engine that others come after tries each universe once: it is told so."""
        last = self._is_last(phase.engine.name)
        state = phase.state
        for batch in batches:
            outcomes = told[batch.id] if last else [replace(outcome, final=True) for outcome in told[batch.id]]
            state = phase.engine.tell(state, batch, outcomes)
        return replace(phase, state=state)

    def _next_round(self, state: State) -> State:
        """What the engines at work ask for; those that are done make room for the next steps of their programs."""
        asked = [(phase, phase.ask()) for phase in state.phases]
        while True:
            for phase, batches in asked:
                if not batches:
                    state = replace(state, passed=state.passed | self._passed(phase, state))
            asked = [(phase, batches) for phase, batches in asked if batches]
            state = replace(state, phases=tuple(phase for phase, _ in asked))
            if not (begun := self._begun(state)):
                break
            asked += [(phase, phase.ask()) for phase in begun]
        asked.sort(key=lambda one: (one[0].purpose != AUDIT, one[0].engine.name))  # audits take longest
        board = self._board(state)
        dressed: dict[str, tuple[tuple[int, ...], Batch]] = {}
        for i, (phase, batches) in enumerate(asked):
            for one in batches:
                places, batch = dressed.get(one.id) or ((), self._dressed(board, phase, one))
                dressed[one.id] = (*places, i), batch
        return replace(state, phases=tuple(phase for phase, _ in asked), round=tuple(dressed.values()))

    def _passed(self, phase: Phase, state: State) -> frozenset[tuple[str, str]]:
        """The universes that an engine was given and did not try."""
        name = phase.engine.name
        open_to = phase.keys & state.plan.todo
        tried = {key for key in open_to if any(o.engine == name for o in state.history.since_final(key))}
        return frozenset((key, name) for key in open_to - (frozenset() if self._is_last(name) else tried))

    def _begun(self, state: State) -> list[Phase]:
        """New phases: the next steps of all programs that are at none, together where engine and purpose are one."""
        board = self._board(state)
        busy = {program: phase.engine.name for phase in state.phases for program in phase.busy}
        sampling = any(phase.purpose == SAMPLE for phase in state.phases)
        together: dict[tuple[str, str], list[tuple[str, Step]]] = {}
        for program, step in board.steps(busy, sampling).items():
            together.setdefault((step.engine, step.purpose), []).append((program, step))
        phases = []
        for (name, purpose), steps in sorted(together.items()):
            engine = self.engine_for(name, purpose)
            keys = frozenset(key for _, step in steps for key in step.keys)
            wanted = replace(state.plan.wanted, within=f"auto {fingerprint(settings_of(self))} {purpose}".rstrip())
            plan = replace(state.plan, todo=keys, wanted=wanted)
            begun = engine.init(plan, self._before(state.history, name))
            phases.append(Phase(engine, purpose, keys, frozenset(program for program, _ in steps), begun))
        return phases

    def _before(self, history: History, name: str) -> list[Outcome]:
        """The attempts before, as an engine shall see them: those of others are final, and in no batch of its own."""
        last = self._is_last(name)
        return [
            replace(o, final=True, batch="") if o.engine != name else o if last else replace(o, final=True)
            for o in history.everything()
        ]

    def _board(self, state: State) -> Board:
        return Board(state.plan, state.routes, state.history, self.audit, self.seed, JOINT, state.picked, state.passed)

    def _dressed(self, board: Board, phase: Phase, batch: Batch) -> Batch:
        """A batch with what `fit` has to know beside what its engine asked for."""
        why = {key: board.why(batch.program, key, phase.engine.name) for key in batch.keys}
        audited: set[str] = set()
        if phase.purpose == AUDIT:
            climbs = (board.history.since_final(key) for key in batch.keys)
            audited = {answer.batch for climb in climbs if (answer := board.history.waits_for_audit(climb))}
        return replace(
            batch,
            purpose=batch.purpose or phase.purpose,
            audited=frozenset(batch.keys) & (phase.keys if phase.purpose == SAMPLE else board.picked),
            escalated={key: text for key, text in why.items() if text},
            reads=(*batch.reads, *sorted(audited)),
        )


def _audited(batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> dict[str, Outcome]:
    """The answers that an audit is compared with, by universe; none where the batch is no audit."""
    return {o.key: o for each in given.values() for o in each if o.ok} if batch.purpose == AUDIT else {}


def _made_by(batch: Batch, outcome: Outcome) -> Outcome:
    return replace(outcome, engine=batch.engine, batch=batch.id, purpose=batch.purpose)

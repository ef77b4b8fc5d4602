"""The networks that a run has trained, found in its store again: training replayed, without a step of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.family import Family
from multiverse.engines.amortized.fit import learner_of
from multiverse.engines.amortized.learner import Learner
from multiverse.engines.amortized.learning import CALIBRATION, STEPS, TRAINING, Learning
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.errors import Problem, ResultError
from multiverse.planning.plan import Plan
from multiverse.store.contract import Store
from multiverse.store.handed import given_by
from multiverse.store.part import decode, is_row_column


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that has learnt, in this process.

    weights: those to answer with. calibrated: p-value of its calibration. steps: of training. learnt: whether training
    came to its end.
    """

    learner: Learner = field(repr=False)
    weights: Mapping[str, Any] = field(repr=False)
    calibrated: float
    steps: int
    learnt: bool

    @property
    def family(self) -> Family:
        """The programs that it answers."""
        return self.learner.subject.family


def trained_networks(store: Store, plan: Plan, engine: Amortized) -> list[Trained]:
    """The networks of a plan's families that are in the store; none for a family whose training has not come as far.

    Segments are found as a sweep finds them: by what a network learns from, so it does not matter which run trained it.
    """
    there = store.names("part")
    return [one for learning in engine.init(plan).learning if (one := _trained(store, plan, engine, learning, there))]


def lost_trainings(store: Store, plan: Plan, engine: Amortized) -> dict[str, Outcome]:
    """By program id, the segment that says why there is no network: the first one. After a later one there is one."""
    there = store.names("part")
    lost: dict[str, Outcome] = {}
    for learning in engine.init(plan).learning:
        if (first := learning.next_id) in there:
            (outcome,) = decode(store.get("part", first, is_row_column))
            if STEPS not in outcome.diagnostics:
                lost |= dict.fromkeys(learning.beside, outcome)
    return lost


def network_engine(engine: Any, run: str, of: str) -> Amortized:
    """The amortized engine of a run: its own, or one that it asks. Raises ResultError where it has none."""
    for one in (engine, *getattr(engine, "engines", ())):
        if isinstance(one, Amortized):
            return one
    raise ResultError(
        Problem(
            f"the run {run!r} of {of} was answered by the engine {engine.name!r}, which trains no network.",
            "a run of the engine 'amortized'",
            train_command(of),
        )
    )


def train_command(of: str) -> str:
    """How to make a network in this store, to paste."""
    return (
        f"multiverse run study.py --engine amortized --store {of} --run network, or "
        f"mv.run(study, engine=mv.Amortized(), store={of!r}, run='network')"
    )


def _trained(store: Store, plan: Plan, engine: Amortized, learning: Learning, there: frozenset[str]) -> Trained | None:
    while learning.next_id in there and not engine.goal.reached(learning, engine.training):
        learning = learning.told(learning.next_id, given_by(store, learning.next_id)[0])
    if not learning.segments:
        return None
    (outcome,) = given_by(store, *learning.network(engine.goal, engine.training))
    if not outcome.handed:
        return None
    program = learning.family.programs[0]
    batch = Batch("", program, (learning.carrier,), plan.wanted, purpose=TRAINING, beside=learning.beside)
    learner = learner_of(batch, engine, outcome.handed)
    try:
        checkpoint = learner.taken(outcome.handed)
    except ValueError as error:
        what = f"the network in {store.describe()} is none that this version of multiverse trains: {error}"
        mend = f"use the version that trained it, or train again in a new store: {train_command('runs/new')}"
        raise ResultError(Problem(f"{what}.", "a network of this version", mend)) from error
    return Trained(
        learner,
        checkpoint.average,
        outcome.diagnostics.get(CALIBRATION, float("nan")),
        int(outcome.diagnostics.get(STEPS, 0)),
        engine.goal.reached(learning, engine.training),
    )

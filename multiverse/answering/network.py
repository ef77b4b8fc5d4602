"""A trained network in this process: it answers new data sets of its study, gate included, in milliseconds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from multiverse.answering.answer import Answer, Answers
from multiverse.answering.asked import TRAIN, Asked, Options
from multiverse.answering.context import Context, Placed, place
from multiverse.answering.new_data import Fitted, Observer, fit_to, kin_of
from multiverse.answering.reading import read_data
from multiverse.answering.trained import Trained, train_command
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.fit import answer_block
from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import Problem, ResultError
from multiverse.planning.bind import Binding
from multiverse.planning.plan import Plan
from multiverse.planning.prepare import Prepared, Preparer
from multiverse.planning.program import Member, Program
from multiverse.planning.unanswerable import Unanswerable
from multiverse.space.universe import Universe

ONE = 1  # universe of a block: they run one after the other in any case, and one compiled program serves all


class _Place(NamedTuple):
    """Where a program is: its network, its number in the family, and the programs that differ in shapes alone."""

    network: Trained
    number: int
    kin: Sequence[Program]


class _Ready(NamedTuple):
    """A universe with its data, ready to be answered."""

    key: str
    universe: Universe
    prepared: Prepared
    fitted: Fitted
    placed: Placed


@dataclass(frozen=True)
class Source:
    """Where a network came from: a store, as a person names it, and a run of it."""

    store: str
    run: str


class Network:
    """The trained networks of a study. `answer` one universe, or `answer_all`, for a data set like the study's own.

    Each data set goes through the study's own preprocessing. Answers are weighed by the exact log joint and judged by
    the gate of the run; the same data set has the same answer.
    """

    def __init__(
        self,
        plan: Plan,
        binding: Binding,
        engine: Amortized,
        networks: Sequence[Trained],
        source: Source,
        universe: str | Mapping[str, str | None] | None = None,
        lost: Mapping[str, Outcome] = MappingProxyType({}),
    ):
        self.plan, self.source, self.networks = plan, source, tuple(networks)
        self._binding = binding
        self._lost = lost  # by program id, why it has no network
        self._engine = replace(engine, escalate=None)  # a red answer says so at once; NUTS takes seconds
        self._options = Options(plan, binding)
        self.universe = self._options.base(universe)
        programs = [program for network in networks for program in network.family.programs]
        kin = kin_of(programs)
        self._places = {
            program.id: _Place(network, number, kin[program.id])
            for network in networks
            for number, program in enumerate(network.family.programs)
        }
        self._observe = Observer()

    @property
    def engine(self) -> Amortized:
        """The settings that it was trained with, and that its answers are judged by; red ones do not escalate."""
        return self._engine

    def holder(self, program: Program) -> tuple[Trained, int] | None:
        """The network that has learnt a program of the plan, and the program's place in it; None where none has."""
        at = self._places.get(program.id)
        return None if at is None else (at.network, at.number)

    @property
    def like(self) -> Any:
        """The study's own raw data: new ones are like these."""
        raw = next(iter(self.plan.programs[0].original.values())).raw
        return self.plan.study.load() if raw is None else raw  # a plan that was sent here comes without

    def read(self, path: str | Path) -> Any:
        """Raw data from a csv, parquet, npz or json file, in the form and the types of the study's own."""
        return read_data(path, self.like)

    def answer(self, data: Any, /, **options: Any) -> Answer:
        """The answer of one universe to a data set.

        data: raw, as the study's `data` are. options: by decision a label, or a value of its own: a number or a
        distribution of the kind that its options are; other decisions are as in `self.universe`. A value between the
        options is answered like these; beyond them, draws of the nearest that was learnt are weighed by the log joint
        of the one that is asked, and are red if that cannot be relied on.
        Data that the preprocessing raises for make a red answer, and so does a training that failed. Raises ResultError
        for data of another shape than the program takes, and for options of another program.
        """
        began = time.perf_counter()
        (answer,) = self._answer(data, self._options.asked(self.universe, options), every=False)
        return replace(answer, seconds=time.perf_counter() - began)

    def answer_all(self, data: Any, /, **options: Any) -> Answers:
        """The answers of all universes of the plan to a data set, or of those with these options; else as `answer`.

        Universes that prepare the data to another shape than their programs take are red.
        """
        began = time.perf_counter()
        found = self._answer(data, self._options.asked(self.universe, options, every=True), every=True)
        return Answers(tuple(found), time.perf_counter() - began)

    def __repr__(self) -> str:
        count = sum(len(program.members) for network in self.networks for program in network.family.programs)
        steps = ", ".join(
            f"{n.steps:,} steps{'' if n.learnt else ' (training is not finished)'}" for n in self.networks
        )
        options = ", ".join(f"{name} = {label}" for name, label in self.universe.active.items())
        return (
            f"Network of {self.plan.study.name!r}, run {self.source.run!r} of {self.source.store}: {count} universes, "
            f"{len(self._places)} programs, {steps}\n"
            f"  answers for {options or 'the only universe'} unless told otherwise"
        )

    def _answer(self, data: Any, asked: Asked, *, every: bool) -> list[Answer]:
        preparer = Preparer(self.plan.study, self._binding, data)
        answered: dict[str, Answer] = {}
        ready: dict[str, list[_Ready]] = {}
        for key, universe in asked.universes.items():
            named = self._options.named(universe, asked)
            found = self._ready(key, universe, named, preparer, asked, every=every)
            if isinstance(found, Outcome):
                answered[key] = Answer(named, Context.universe, (), found, self._engine.draws, 0.0)
            else:
                ready.setdefault(found.fitted.program.id, []).append(found)
        for program, some in ready.items():
            for outcome, one in zip(self._outcomes(self._places[program], some, asked), some, strict=True):
                answered[one.key] = self._told(outcome, one)
        return [answered[key] for key in asked.universes]

    def _ready(
        self, key: str, universe: Universe, named: Universe, preparer: Preparer, asked: Asked, *, every: bool
    ) -> _Ready | Outcome:
        """A universe with its data as its program takes them; or the outcome of one that has none.

        every: whether it is one of many, so that data of another shape make it red and leave the others alone.
        """
        if (failure := self.plan.failures.get(key)) is not None:
            return Outcome(key, Reason[failure.stage], failure.message)
        program = self.plan.program_of[key].id
        at = self._places.get(program)
        if (lost := self._lost.get(program)) is not None:
            return Outcome(key, lost.reason, f"its network could not be trained: {lost.message}", lost.traceback)
        if at is None:
            raise ResultError(self._not_learnt(universe))
        prepared = preparer(universe, self._options.values(universe, asked))
        if isinstance(prepared, Unanswerable):
            return Outcome(key, Reason[prepared.stage], prepared.message, prepared.traceback)
        try:
            fitted = fit_to(at.kin, prepared)
        except ResultError as error:
            if not every:
                raise
            first = error.problems[0]
            return Outcome(key, Reason.structure, f"{first.what} Expected: {first.expected}")
        placed = place(fitted.program, asked.values)
        if placed.context is Context.outside and fitted.program.kind == "simulator":
            what = f"{'; '.join(placed.outside)}, and the study only simulates: no density to weigh draws by"
            raise ResultError(Problem(f"{what}.", "values between the options that were learnt", TRAIN))
        return _Ready(key, named, prepared, fitted, placed)

    def _outcomes(self, at: _Place, some: Sequence[_Ready], asked: Asked) -> list[Outcome]:
        """Outcomes of universes of one program, in order."""
        program = some[0].fitted.program
        keys = [_key(one, asked) for one in some]
        members, datasets, original = {}, {}, {}
        for key, one in zip(keys, some, strict=True):
            number = one.prepared.number
            members[key] = Member(key, one.universe, number, one.fitted.rows)
            datasets[number], original[number] = one.fitted.leaves, one.prepared
        known = self._options.known(asked)
        choices = {at: choice.leaves for at, choice in known.items()}
        values = {at: choice.value for at, choice in known.items()}
        new = replace(program, members=members, datasets=datasets, original=original, choices=choices, values=values)
        opened = self._opened(at, new)
        batch = Batch("", new, tuple(keys), self.plan.wanted, block=ONE, engine=self._engine.name)
        found: list[Outcome] = []
        for key, one in zip(keys, some, strict=True):
            # The network is told options apart always, so that values beyond what was learnt need no other program.
            own = new.leaves(key)
            options = {path for name in new.signature.options for path in choices[name, one.universe[name]]}
            found += answer_block(
                at.network.learner,
                at.network.weights,
                batch,
                (key,),
                self._engine,
                at.network.calibrated,
                program=opened,
                instead={path: own[path] for path in sorted(options & own.keys())} | one.placed.told,
            )
        return found

    def _opened(self, at: _Place, new: Program) -> Program:
        """A program of new data with what each universe observes as leaves: options may decide what that is."""
        own = {key: new.leaves(key) for key in new.members}
        members, datasets, original = {}, {}, {}
        for number, (key, member) in enumerate(new.members.items()):
            members[key] = member._replace(prepared=number)
            datasets[number] = {**new.datasets[member.prepared], **self._observe(new, own[key])}
            original[number] = new.original[member.prepared]
        as_learnt = at.network.family.opened[at.number].program
        return replace(
            as_learnt,
            members=members,
            datasets=datasets,
            original=original,
            choices=new.choices,
            values=new.values,
        )

    def _told(self, outcome: Outcome, one: _Ready) -> Answer:
        """The answer, and for one beyond what was learnt how that may be mended."""
        if one.placed.outside and not outcome.ok:
            message = f"{outcome.message}. What is asked lies outside what the network has learnt: {TRAIN}"
            outcome = replace(outcome, message=message)
        return Answer(
            one.universe, one.placed.context, one.placed.outside, outcome, self._engine.draws, outcome.seconds
        )

    def _not_learnt(self, universe: Universe) -> Problem:
        options = ", ".join(f"{name} = {label}" for name, label in universe.active.items())
        return Problem(
            f"no network of {self.source.store} has learnt the universe {options}.",
            "a universe that a network was trained for",
            train_command(self.source.store),
        )


def _key(one: _Ready, asked: Asked) -> str:
    """Random numbers of an answer hang on this: on the universe, the data set and the values that are asked."""
    digest = hashlib.sha256(one.key.encode())
    for path, leaf in sorted(one.fitted.leaves.items()):
        digest.update(path.encode() + np.ascontiguousarray(leaf).tobytes())
    for name, value in sorted(asked.values.items()):
        digest.update(f"{name}={value.identity}".encode())
    return digest.hexdigest()[:32]

"""Which engine takes which universes next: one step of each program, decided from what was tried so far.

Each program walks its route by itself. Its audited universes go first, then their audits, then a pilot, then the rest;
what is red goes to the next engine of the route. An engine that works across programs waits until all of them are
there. Everything follows from the attempts alone, so a run that was killed goes on as it would have gone on.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from multiverse.engines.amortized.family import families
from multiverse.engines.auto.audit import Audit
from multiverse.engines.auto.history import PILOT, Climb, History
from multiverse.engines.outcome import Reason
from multiverse.engines.reweight.families import LAST, name_of
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

FAMILY_LEAST: Final = 16  # universes; of a smaller family most would be sampled: Reweight takes 5 to 9 anchors

# Universes of a family of programs, which one network answers, from which an engine is begun with: a network costs some
# 40 s before its first answer, and NUTS 0.15 s for each of eight schools (docs/adr/0019-amortized.md).
LEAST: Final[Mapping[str, int]] = MappingProxyType({"amortized": 256})

SAMPLE: Final = "sample"  # purpose: universes whose answer will be audited
AUDIT: Final = "audit"  # purpose: the same universes, answered by the last engine
MODES: Final = "modes"  # purpose: universes in which several modes were seen, by the last engine, as in an audit
REST: Final = ""

_SAMPLES, _AUDITS, _ANSWERS, _LAST = range(4)  # what comes first


class Step(NamedTuple):
    """What a program does next: an engine, for a purpose, on these of its universes. rank: the least comes first.

    come: how many of its universes have come to the engine, those that wait for others among them.
    """

    rank: tuple[int, int]
    engine: str
    purpose: str
    keys: frozenset[str]
    come: int


@dataclass(frozen=True)
class Board:
    """What the next steps are decided from.

    routes: program id -> engines in order. joint: engines that work across programs. picked: universes that are
    audited. passed: engines that did not take a universe which they could have had.
    """

    plan: Plan
    routes: Mapping[str, tuple[str, ...]]
    history: History
    audit: Audit
    seed: int
    joint: frozenset[str]
    picked: frozenset[str]
    passed: frozenset[tuple[str, str]]

    @functools.cached_property
    def closed(self) -> Mapping[str, Mapping[str, str]]:
        """By program id, the engines that shall not answer more of it, and why, in the order of its route."""
        return {
            program.id: {
                name: why
                for name in self.routes[program.id][:-1]
                if (why := self.history.why_not(program, name, self.audit))
            }
            for program in self.plan.programs
        }

    def steps(self, busy: Mapping[str, str], sampling: bool) -> dict[str, Step]:
        """By program id, the next steps of those that can take one.

        busy: programs that are at one, and its engine. sampling: whether one of these answers universes that will be
        audited.
        """
        free = [p for p in self.plan.programs if p.id not in busy and self.plan.todo & p.members.keys()]
        picked, hold = self._picked(free, sampling)
        found = self._steps(free, picked, busy, {})
        waiting = {name for name in self.joint if not self._together(name, found, busy)}
        if few := self._too_few(free, found, waiting):
            found |= self._steps(free, picked, busy, {program.id: tuple(self.joint) for program in few})
        return {
            at: step
            for at, step in found.items()
            if step.engine not in waiting and not (hold and step.rank[0] == _ANSWERS)
        }

    def why(self, program: Program, key: str, engine: str) -> str:
        """Why the engines before this one did not answer a universe, in words."""
        told = {}
        for outcome in self.history.since_final(key):
            if outcome.engine != engine and not outcome.ok:
                told[outcome.engine] = f"{outcome.engine}: {outcome.message.partition('; ')[0] or outcome.reason.name}"
        route = self.routes[program.id]
        for name, why in self.closed[program.id].items():
            if name not in told and route.index(name) < route.index(engine):
                told[name] = why
        return "; ".join(told.values())

    def _steps(
        self,
        free: Sequence[Program],
        picked: frozenset[str],
        busy: Mapping[str, str],
        without: Mapping[str, tuple[str, ...]],
    ) -> dict[str, Step]:
        """By program id, the steps of these as if none had to wait. without: engines left out, by program id."""
        stepped = ((program, self._step(program, picked, without.get(program.id, ()))) for program in free)
        found = {program.id: step for program, step in stepped if step is not None}
        for program in self._not_worth_beginning(found, busy):
            left_out = *without.get(program.id, ()), found.pop(program.id).engine
            if (step := self._step(program, picked, left_out)) is not None:
                found[program.id] = step
        return found

    def _not_worth_beginning(self, steps: Mapping[str, Step], busy: Mapping[str, str]) -> list[Program]:
        """The programs whose step is an engine that too few universes of their family have come to, and none before."""
        found: list[Program] = []
        for name, least in LEAST.items():
            come = {at for at, step in steps.items() if step.engine == name}
            if not come:
                continue
            begun = {p.id for p in self.plan.programs if busy.get(p.id) == name or self.history.tried(p, name)}
            for family in _families([p for p in self.plan.programs if p.id in come | begun]):
                many = sum(steps[p.id].come for p in family if p.id in come)
                if many < least and not begun & {p.id for p in family}:
                    found += family
        return found

    def _step(self, program: Program, picked: frozenset[str], without: Collection[str] = ()) -> Step | None:
        route = self.routes[program.id]
        closed = self.closed[program.id].keys() | set(without)
        wanted: dict[tuple[tuple[int, int], str, str], list[str]] = {}
        for key in sorted(self.plan.todo & program.members.keys()):
            climb = self.history.since_final(key)
            if (name := self._next(key, climb, route, closed)) is None:
                continue
            at = route.index(name)
            if name == route[-1]:
                audit = self.history.waits_for_audit(climb) is not None
                rank, purpose = (_AUDITS, AUDIT) if audit else (_LAST, MODES if _several_modes(climb) else REST)
            else:
                sample = key in picked and name not in self.joint
                rank, purpose = (_SAMPLES, SAMPLE) if sample else (_ANSWERS, REST)
            wanted.setdefault(((rank, at), name, purpose), []).append(key)
        if not wanted:
            return None
        (order, name, purpose), keys = min(wanted.items())
        every = [key for (_, its, _), some in wanted.items() for key in some if its == name]
        if order[0] == _ANSWERS and name not in self.joint:
            keys = keys[: self._pilot(program, name, len(keys))]
        return Step(order, name, purpose, frozenset(keys), len(every))

    def _next(self, key: str, climb: Climb, route: Sequence[str], closed: Collection[str]) -> str | None:
        """The engine that takes a universe next; None where all have passed it."""
        if self.history.waits_for_audit(climb) or _several_modes(climb):
            open_to = [route[-1]]
        else:
            tried = [route.index(outcome.engine) for outcome in climb if outcome.engine in route]
            again = bool(climb) and climb[-1].engine in self.joint and climb[-1].purpose != LAST
            first = min(max(tried, default=-1) + (not again), len(route) - 1)
            open_to = [name for name in route[first:] if name not in closed]
        return next((name for name in open_to if (key, name) not in self.passed), None)

    def _pilot(self, program: Program, engine: str, universes: int) -> int:
        """How many universes an engine gets: a few, until it was seen that it can answer the program at all."""
        tried = self.history.tried(program, engine)
        seen = len({outcome.key for outcome in tried})
        return universes if any(outcome.ok for outcome in tried) else max(PILOT - seen, 1)

    def _together(self, engine: str, steps: Mapping[str, Step], busy: Collection[str]) -> bool:
        """Whether all programs on whose route a joint engine is have come to it."""
        return all(
            program.id not in busy
            and (program.id not in steps or steps[program.id].rank >= (_ANSWERS, self.routes[program.id].index(engine)))
            for program in self.plan.programs
            if engine in self.routes[program.id]
        )

    def _too_few(self, free: Sequence[Program], steps: Mapping[str, Step], waiting: Collection[str]) -> list[Program]:
        """The programs whose step is a joint engine that is not worth while: their families have few universes left."""
        families: dict[tuple[str, str], set[str]] = {}
        for program in self.plan.programs:
            for name in self.joint:
                its = families.setdefault((name, name_of(program)), set())
                its |= {outcome.key for outcome in self.history.tried(program, name)}
                if program.id in steps and steps[program.id].engine == name:
                    its |= steps[program.id].keys
        come = [program for program in free if program.id in steps and steps[program.id].engine in self.joint]
        return [
            program
            for program in come
            for name in [steps[program.id].engine]
            if name not in waiting and len(families[name, name_of(program)]) < FAMILY_LEAST
        ]

    def _picked(self, free: Sequence[Program], sampling: bool) -> tuple[frozenset[str], bool]:
        """The universes that are audited; and whether other answers have to wait, as none was audited yet.

        Where the share takes none, or only such as turn out red, others are taken: twice as many each time.
        """
        if not self.audit.share or self.history.audited():
            return self.picked, False
        if sampling:
            return self.picked, True
        could = set(self._untried(free))
        if not could or could & self.picked:
            return self.picked, bool(could)
        vain = sum(any(o.engine != self.history.last for o in tried) for tried in self.history.attempts.values())
        return self.picked | set(self.audit.firsts_of(could, self.seed, max(vain, 1))), True

    def _untried(self, programs: Sequence[Program]) -> Iterator[str]:
        """The universes that an engine before the last would take as its first ones."""
        for program in programs:
            route = self.routes[program.id]
            closed = self.closed[program.id].keys()
            for key in self.plan.todo & program.members.keys():
                if not (climb := self.history.since_final(key)):
                    name = self._next(key, climb, route, closed)
                    if name is not None and name != route[-1] and name not in self.joint:
                        yield key


def _families(programs: Sequence[Program]) -> list[tuple[Program, ...]]:
    """Programs that one network answers; each that none can learn by itself."""
    together, alone = families(programs)
    return [*(family.programs for family in together), *((p,) for p in programs if p.id in alone)]


def _several_modes(climb: Climb) -> bool:
    """Whether an engine saw modes that its draws do not reach: what starts at one of them would miss the others too."""
    return any(outcome.reason is Reason.modes for outcome in climb)

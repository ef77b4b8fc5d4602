"""Universes that share an answer, under the key of the one that was run: their random numbers are made of that key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from multiverse.engines.outcome import Outcome
from multiverse.planning.plan import Plan
from multiverse.rerun.answers import Answer


@dataclass(frozen=True)
class AsTheyRan:
    """Universes under the keys of those that were run for them.

    plan: with each universe, its own data and options, under that key. answers: by that key. own: that key -> the
    universes that have this answer.
    """

    plan: Plan
    answers: Mapping[str, Answer]
    own: Mapping[str, tuple[str, ...]]

    def back(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Outcomes under the own keys of the universes that share them."""
        return [replace(outcome, key=key) for outcome in outcomes for key in self.own[outcome.key]]


def as_they_ran(plan: Plan, answers: Iterable[Answer]) -> list[AsTheyRan]:
    """These universes of a plan, each answer once; in several goes where one was run for different attempts."""
    goes: list[dict[str, list[Answer]]] = []
    for answer in answers:
        for go in goes:
            alike = go.setdefault(answer.ran, [answer])
            if answer in alike:
                break
            if alike[0].outcome.attempt == answer.outcome.attempt:
                alike.append(answer)
                break
        else:
            goes.append({answer.ran: [answer]})
    return [_go(plan, go) for go in goes]


def _go(plan: Plan, go: Mapping[str, list[Answer]]) -> AsTheyRan:
    taken = {ran: alike[0] for ran, alike in go.items()}
    moved = {answer.key: ran for ran, answer in taken.items() if answer.key != ran}
    return AsTheyRan(
        _moved(plan, moved) if moved else plan,
        {ran: _renamed(answer, ran) for ran, answer in taken.items()},
        {ran: tuple(answer.key for answer in alike) for ran, alike in go.items()},
    )


def _renamed(answer: Answer, key: str) -> Answer:
    before = tuple(replace(outcome, key=key) for outcome in answer.before)
    return replace(answer, outcome=replace(answer.outcome, key=key), before=before, same_as=None)


def _moved(plan: Plan, keys: Mapping[str, str]) -> Plan:
    """The plan with universes under other keys; what stood under these is not in it."""
    gone = {*keys, *keys.values()}
    programs = []
    for program in plan.programs:
        own = {new: program.members[old]._replace(key=new) for old, new in keys.items() if old in program.members}
        if members := {key: m for key, m in program.members.items() if key not in gone} | own:
            programs.append(replace(program, members=members))
    universes = {key: universe for key, universe in plan.universes.items() if key not in gone}
    universes |= {new: plan.universes[old] for old, new in keys.items()}
    return replace(plan, universes=universes, programs=tuple(programs), todo=frozenset(universes), twins={})

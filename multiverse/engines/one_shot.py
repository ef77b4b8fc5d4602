"""Engines that answer each universe once, by itself: their state, and which batches they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.outcome import Outcome
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

ROUNDS: Final = 8  # every worker gets at least so many batches of a program, where there are enough: all end together


@dataclass(frozen=True)
class OneShot:
    """The plan of what was to do, the last attempt at universes that were tried before, and the keys answered since.

    answered: by batch, as a plan without them would be made anew for each: a quarter of a second of 10^6 universes.
    """

    plan: Plan
    attempts: Mapping[str, int]
    answered: tuple[tuple[str, ...], ...] = ()

    @property
    def todo(self) -> frozenset[str]:
        """The keys still to be answered."""
        return self.plan.todo.difference(*self.answered)

    def told(self, batch: Batch) -> OneShot:
        """The state without what a batch has answered."""
        return replace(self, answered=(*self.answered, batch.keys))


def asked_once(engine: Any) -> bool:
    """Whether an engine says that it answers each universe in one attempt, in a random order."""
    return bool(getattr(engine, "one_shot", False))


def begin(plan: Plan, before: Sequence[Outcome] = ()) -> OneShot:
    """The state at the beginning: a universe that was tried before gets the next attempt."""
    attempts: dict[str, int] = {}
    for outcome in before:
        attempts[outcome.key] = max(outcome.attempt, attempts.get(outcome.key, 0))
    return OneShot(plan, attempts)


def batches(engine: Any, state: OneShot, block: Callable[[Program], int], most: int) -> list[Batch]:
    """Batches in a random order stratified by program, so that what has finished is an honest sample.

    Keys are hashes: their order is random. block: how many universes a compiled block holds.
    most: how many a batch holds, unless the plan says so.
    """
    placed: list[tuple[float, str, Batch]] = []
    todo = state.todo
    for program in state.plan.programs:
        holds = block(program)
        size = batch_size(state.plan, engine.name, program, holds, most)
        keys = sorted(todo & program.members.keys())
        for attempt in sorted({state.attempts.get(key, 0) for key in keys}):
            mine = [key for key in keys if state.attempts.get(key, 0) == attempt]
            parts = [mine[i : i + size] for i in range(0, len(mine), size)]
            for i, part in enumerate(parts):
                batch = make_batch(engine, program, part, state.plan.wanted, block=holds, attempt=attempt + 1)
                placed.append(((i + 0.5) / len(parts), program.id, batch))
    return [batch for _, _, batch in sorted(placed, key=lambda p: p[:2])]


def batch_size(plan: Plan, engine: str, program: Program, block: int, most: int) -> int:
    """How many universes a batch of a program holds: whole blocks, by the share of the program in the whole plan.

    engine: its name. most: universes, at most about so many; where the plan says how many an engine gets, those.
    """
    most = plan.sizes.get((engine, program.id)) or most
    fair = min(len(program.members) // (ROUNDS * plan.machines.workers), most)
    return max(block, fair // block * block)

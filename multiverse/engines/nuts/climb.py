"""Where the universes of a plan stand on the ladder: the state of an engine that tries again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from multiverse.engines.nuts.ladder import Rung, next_attempt, next_climb
from multiverse.engines.outcome import Outcome
from multiverse.planning.noncentered import noncentered
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program


@dataclass(frozen=True)
class Climb:
    """plan: what is still to do. last: the last attempt at each universe of it that was tried already."""

    plan: Plan
    last: Mapping[str, Outcome] = field(default_factory=lambda: MappingProxyType({}))

    def attempts(self, program: Program, ladder: Sequence[Rung]) -> dict[int, list[str]]:
        """The universes of a program that are to be asked, sorted, by the number of their next attempt."""
        by_attempt: dict[int, list[str]] = {}
        for key in sorted(self.plan.todo & program.members.keys()):
            by_attempt.setdefault(self._next(key, program, ladder), []).append(key)
        return dict(sorted(by_attempt.items()))

    def _next(self, key: str, program: Program, ladder: Sequence[Rung]) -> int:
        if key not in self.last:
            return 1
        last = self.last[key]
        further = None
        if not last.final:
            further = next_attempt(ladder, last.attempt, last.reason, lambda: noncentered(program) is not None)
        return next_climb(ladder, last.attempt) if further is None else further

    def told(self, outcomes: Sequence[Outcome]) -> Climb:
        """The state after some outcomes: those that are final leave it."""
        again = {outcome.key: outcome.light() for outcome in outcomes if not outcome.final}
        plan = self.plan.without(outcome.key for outcome in outcomes if outcome.final)
        return replace(self, plan=plan, last={**self.last, **again} if again else self.last)


def begin_climb(plan: Plan, before: Sequence[Outcome] = ()) -> Climb:
    """The state at the beginning; `before`: earlier attempts at universes of the plan, in any order."""
    last: dict[str, Outcome] = {}
    for outcome in before:
        if outcome.key in plan.todo and (outcome.key not in last or outcome.attempt > last[outcome.key].attempt):
            last[outcome.key] = outcome.light()
    return Climb(plan, last)

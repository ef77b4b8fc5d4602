"""Families as an earlier sweep left them: its anchors are found again by the ids of their batches.

What is told of earlier attempts says which batch each was in. The id of a batch is a hash of its keys and of the
batches it read, so an id that comes out again proves what a batch was, and the order in which anchors were sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.engines.reweight.families import ANCHOR, ANCHORS_A_ROUND, LAST, Family
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

MakeBatch = Callable[[Family, Program, Sequence[str], int, str, Plan], Batch]


class _Group(NamedTuple):
    """What was in one batch."""

    id: str
    outcomes: tuple[Outcome, ...]
    program: Program


def resumed(families: Sequence[Family], plan: Plan, before: Sequence[Outcome], make: MakeBatch) -> tuple[Family, ...]:
    """The families with what is known of them. before: earlier attempts, as `Engine.init` is told them."""
    by_batch: dict[str, list[Outcome]] = {}
    for outcome in sorted(before, key=lambda outcome: outcome.key):
        if outcome.batch and outcome.key in plan.program_of:
            by_batch.setdefault(outcome.batch, []).append(outcome)
    groups = [_Group(name, tuple(some), plan.program_of[some[0].key]) for name, some in by_batch.items()]
    groups = [g for g in groups if all(plan.program_of[o.key].id == g.program.id for o in g.outcomes)]
    return tuple(_resumed(family, plan, groups, make) for family in families)


def _resumed(family: Family, plan: Plan, groups: Sequence[_Group], make: MakeBatch) -> Family:
    mine = {program.id for program in family.programs}
    left = [group for group in groups if group.program.id in mine]
    tried = {outcome.key for group in left for outcome in group.outcomes}

    def those(family: Family, purpose: str, most: int = 1 << 30) -> list[tuple[Batch, _Group]]:
        made = [
            (make(family, g.program, [o.key for o in g.outcomes], g.outcomes[0].attempt, purpose, plan), g)
            for g in left
            if len(g.outcomes) <= most
        ]
        return [(batch, group) for batch, group in made if batch.id == group.id]

    while True:
        answered, sampled = those(family, "") if family.anchors else [], those(family, ANCHOR, ANCHORS_A_ROUND)
        used = {group.id for _, group in (*answered, *sampled)}
        left = [group for group in left if group.id not in used]
        green = any(outcome.ok for _, group in sampled for outcome in group.outcomes)
        if not green:
            answered += those(family, LAST)
        else:
            for batch, group in answered:
                family = family.told(batch, group.outcomes)
        for batch, group in sampled:
            family = family.told(batch, group.outcomes)
        if not green:
            break
    again = tuple(batch for batch, group in answered if any(o.key in plan.todo for o in group.outcomes))
    if family.is_last and any(key not in tried for key in family.members(plan.todo)):  # a wider space
        family = replace(family, budget=family.tried + family.budget, closing=False)
    return replace(family, again=again)

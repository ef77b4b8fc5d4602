"""The design that takes again what a run planned."""

from __future__ import annotations

from multiverse.design.design import Design
from multiverse.design.designs import listed
from multiverse.space.space import Space
from multiverse.store.plan_table import PlanRecord


def recorded_design(plan: PlanRecord, space: Space) -> Design | None:
    """Takes the universes of a recorded plan, as far as the space still has them; None where it was the whole space.

    A space of which only a part was planned may be too large to be planned whole.
    """
    if plan.header.part is None or space.check():
        return None
    return listed(universe.labels for universe in plan.universes if universe.labels in space)

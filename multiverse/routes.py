"""Routes as a store keeps them: decided once, from prices that a clock told, and used again by whoever goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from multiverse.planning.pilot import timed
from multiverse.planning.plan import Plan
from multiverse.progress import Progress
from multiverse.store.contract import Store
from multiverse.store.records import RunRecord, read_runs

ROUTES: Final = "routes"  # the section of a run's record: by program, the engines that take its universes
_BETWEEN: Final = ", "


def routed(store: Store, plan: Plan, engine: Any, run: str, progress: Progress) -> Plan:
    """The plan with a route for each program: as an earlier call of this run decided, else as the engine decides now.

    What a gradient costs is timed where the plan has no forecast. The plan as it is, where the engine knows no routes.
    """
    if not hasattr(engine, "route"):
        return plan
    known = {**plan.routes, **recorded_routes(record for record in read_runs(store) if record.run == run)}
    programs = {program.id: program for program in plan.programs}
    fresh: Mapping[str, tuple[str, ...]] = {}
    if programs.keys() - known.keys():
        plan = timed(plan, progress)
        fresh = engine.route(plan, plan.gradients)
    routes = {**fresh, **known}
    return dataclasses.replace(plan, routes={name: routes[name] for name in sorted(programs)})


def recorded_routes(records: Iterable[RunRecord]) -> dict[str, tuple[str, ...]]:
    """What calls of a run decided, the first one before the others."""
    routes: dict[str, tuple[str, ...]] = {}
    for record in records:
        for program, names in record.sections.get(ROUTES, {}).items():
            routes.setdefault(program, tuple((names or "").split(_BETWEEN)))
    return routes


def routes_section(plan: Plan) -> dict[str, str | None]:
    """The routes of a plan, as its run records them."""
    return {program: _BETWEEN.join(names) for program, names in plan.routes.items()}

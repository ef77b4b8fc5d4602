"""How many universes a batch holds, where an executor says how long one should take: decided once, and written down."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from multiverse.planning.pilot import timed
from multiverse.planning.plan import Plan
from multiverse.progress import Progress
from multiverse.store.contract import Store
from multiverse.store.records import RunRecord, read_runs

SIZES: Final = "batch sizes"  # the section of a run's record: by engine and program, how many universes a batch holds
MOST: Final = 1024  # universes: a part of so many is read fastest (docs/adr/0018), and its draws still fit into memory

LIKED: Final = 0  # as many as the engine likes: it does not tell what a universe of this program costs


def sized(store: Store, plan: Plan, engine: Any, run: str, progress: Progress) -> Plan:
    """The plan with how many universes fill a batch, by engine and program: as a call before found, or as found now.

    They take about `plan.machines.batch_seconds`, by the engines' own prices and what a pilot tells of gradients; the
    plan as it is where machines do not say.
    """
    seconds = plan.machines.batch_seconds
    if seconds is None:
        return plan
    known = recorded_sizes(record for record in read_runs(store) if record.run == run)
    engines = [one for one in getattr(engine, "engines", (engine,)) if hasattr(one, "price")]
    missing = [(one, p) for one in engines for p in plan.programs if (one.name, p.id) not in known]
    fresh = {}
    if missing:
        plan = timed(plan, progress)
        for one, program in missing:
            price = one.price(program, plan.gradients.get(program.id, 0.0))
            fresh[one.name, program.id] = LIKED if price is None else _fill(seconds, price.universe)
    return dataclasses.replace(plan, sizes={**fresh, **known})


def _fill(seconds: float, universe: float) -> int:
    """How many universes fill so many seconds, within bounds."""
    return MOST if universe * MOST <= seconds else max(1, int(seconds / universe))


def recorded_sizes(records: Iterable[RunRecord]) -> dict[tuple[str, str], int]:
    """What calls of a run decided, the first one before the others."""
    sizes: dict[tuple[str, str], int] = {}
    for record in records:
        for name, size in record.sections.get(SIZES, {}).items():
            engine, _, program = name.partition(" ")
            sizes.setdefault((engine, program), int(size or LIKED))
    return sizes


def sizes_section(plan: Plan) -> Mapping[str, str | None]:
    """The sizes of a plan's batches, as its run records them."""
    return {f"{engine} {program}": str(size) for (engine, program), size in sorted(plan.sizes.items())}

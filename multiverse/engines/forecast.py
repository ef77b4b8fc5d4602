"""What a sweep would cost with each engine, from the gradients that a pilot timed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from multiverse.cores import cores
from multiverse.engines.by_name import ENGINES, usual_engine
from multiverse.engines.price import Price, each_its_part
from multiverse.planning.forecast import EngineForecast, Forecast
from multiverse.planning.pilot import gradient_seconds
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program


def forecast(
    plan: Plan, engine: Any = None, *, workers: int | None = None, gradients: Mapping[str, float] | None = None
) -> Forecast | None:
    """What is still to do of a plan will cost, with an engine and with those that could take its place.

    Times a pilot for some seconds, and samples nothing.
    engine: a name or an engine; by default the one that a run of this study takes. workers: how many universes run side
    by side, by default one a core. gradients: seconds by program id, where they are known.
    Returns None where nothing is to be done, or the engine cannot tell its price.
    """
    wanted = ENGINES[engine or usual_engine(plan.study)]() if engine is None or isinstance(engine, str) else engine
    todo = [program for program in plan.programs if plan.to_run & program.members.keys()]
    if not todo:
        return None
    known = gradient_seconds(todo) if gradients is None else gradients
    side_by_side = cores() if workers is None else workers
    first = _row(plan, wanted, todo, known, side_by_side)
    if first is None or not math.isfinite(first.seconds):
        return None
    found = Forecast(wanted.name, first.seconds, side_by_side, (first,), known)
    chosen = _chosen(plan, wanted, todo, known)
    others = [_row(plan, one, todo, known, side_by_side) for one in _others(wanted)]
    rows = (row._replace(chosen=chosen[row.engine]) for row in others if row is not None)
    return replace(found, engines=(first, *rows))


def _others(engine: Any) -> list[Any]:
    """All engines but this one, with the settings that it has for them, or else the usual ones."""
    return [
        getattr(engine, name, None) or kind() for name, kind in ENGINES.items() if name not in (engine.name, "auto")
    ]


def _chosen(plan: Plan, engine: Any, programs: Sequence[Program], gradients: Mapping[str, float]) -> Counter[str]:
    """How many universes an engine that asks others would give to each of them first; empty for any other engine."""
    chosen: Counter[str] = Counter()
    if (route := getattr(engine, "route", None)) is not None:
        routes: Mapping[str, tuple[str, ...]] = {**route(plan, gradients), **plan.routes}
        for program in programs:
            chosen[routes[program.id][0]] += len(plan.to_run & program.members.keys())
    return chosen


def _row(
    plan: Plan, engine: Any, programs: Sequence[Program], gradients: Mapping[str, float], workers: int
) -> EngineForecast | None:
    """What an engine would cost for all programs that it can take; None where it can take none."""
    told = {
        program.id: (len(plan.to_run & program.members.keys()), price)
        for program in programs
        if (price := _price(engine, program, gradients.get(program.id, 0.0))) is not None
    }
    if not told:
        return None
    universes = sum(many for many, _ in told.values())
    prices = {program: (told[program][0], price) for program, price in each_its_part(told).items()}
    return EngineForecast(
        engine.name,
        len(prices),
        universes,
        compile=sum(price.compile for _, price in prices.values()),
        once=sum(price.once for _, price in prices.values()),
        universe=sum(many * price.universe for many, price in prices.values()) / universes,
        seconds=sum(price.of(many) for many, price in prices.values()) / workers,
    )


def _price(engine: Any, program: Program, gradient: float) -> Price | None:
    """What an engine would cost for a program; None where it cannot take it, or an engine of a stranger tells none."""
    ask = getattr(engine, "price", None)
    price: Price | None = None if ask is None else ask(program, gradient)
    return price

"""Routes: which engines take the universes of a program, in which order, by what each would cost.

Engines stand in an order of escalation, the cheapest kind first and the last resort last. A route keeps that order and
leaves out an engine that would cost as much as what comes after it, compiling included: then there is nothing to save.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from multiverse.engines.price import Price, each_its_part
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

GRADIENT_USUAL: Final = 1e-5  # seconds, where none was timed: 1e-6 (regression) to 1e-4 (hierarchical), measured


def price_of(engine: Any, program: Program, gradient: float) -> Price | None:
    """What an engine says that a program costs."""
    price: Price | None = engine.price(program, gradient)
    return price


def routes(
    plan: Plan,
    engines: Sequence[Any],
    share: float,
    gradients: Mapping[str, float] | None = None,
    *,
    by_price: bool = True,
) -> Mapping[str, tuple[str, ...]]:
    """Program id -> names of engines in the order in which they are tried; the last engine is in every route.

    engines: in order of escalation. share: of the universes whose cheap answer is audited by the last engine.
    gradients: seconds of one, by program; None: those of the plan's forecast. by_price: whether one that would save
    nothing is left out. Pure: the same plan, seconds and prices
    give the same routes.
    """
    known = gradients if gradients is not None else plan.forecast.gradients if plan.forecast else {}
    usual = sum(known.values()) / len(known) if known else GRADIENT_USUAL
    many = {program.id: len(plan.to_run & program.members.keys() or program.members) for program in plan.programs}
    prices = {}
    for engine in engines:
        its = ((p.id, price_of(engine, p, known.get(p.id, usual))) for p in plan.programs)
        prices[engine.name] = each_its_part({at: (many[at], price) for at, price in its if price is not None})
    return {
        program.id: _route(
            [(engine.name, prices[engine.name].get(program.id)) for engine in engines],
            many[program.id],
            audits(plan, program, share),
            by_price,
        )
        for program in plan.programs
    }


def audits(plan: Plan, program: Program, share: float) -> float:
    """How many universes of a program are audited, in the mean: the share of them, and one of the plan at least."""
    members = len(program.members)
    return max(share * members, members / max(len(plan.universes), 1)) if share else 0.0


def _route(
    priced: Sequence[tuple[str, Price | None]], universes: int, audited: float, by_price: bool
) -> tuple[str, ...]:
    *before, (last, resort) = priced
    audit = 0.0 if resort is None else min(1.0, audited) * resort.compile + audited * resort.universe
    least = math.inf if resort is None else resort.of(universes)
    route = [last]
    for name, price in reversed(before):
        if price is not None and (not by_price or price.of(universes) + audit < least):
            route.append(name)
            least = price.of(universes) + audit
    return tuple(reversed(route))

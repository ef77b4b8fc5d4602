"""Routes: which engines take the universes of a program, in which order, by what each would cost.

Engines stand in an order of escalation, the cheapest kind first and the last resort last. A route keeps that order and
leaves out an engine that would cost as much as what comes after it, compiling included: then there is nothing to save.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from multiverse.engines.price import Price
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

GRADIENT_USUAL: Final = 1e-5  # seconds, where none was timed: 1e-6 (regression) to 1e-4 (hierarchical), measured

Pricing = Callable[[Any, Program, float], Price | None]
"""Engine, program, seconds of a gradient -> what it costs; None where the engine cannot answer that program."""


def price_of(engine: Any, program: Program, gradient: float) -> Price | None:
    """What an engine says that a program costs."""
    price: Price | None = engine.price(program, gradient)
    return price


def routes(
    plan: Plan, engines: Sequence[Any], share: float, *, pricing: Pricing = price_of
) -> Mapping[str, tuple[str, ...]]:
    """Program id -> names of engines in the order in which they are tried; the last engine is in every route.

    engines: in order of escalation. share: of the universes whose cheap answer is audited by the last engine. Seconds
    of a gradient are those of the plan's forecast. Pure: the same plan and prices give the same routes.
    """
    gradients = dict(plan.forecast.gradients) if plan.forecast else {}
    usual = sum(gradients.values()) / len(gradients) if gradients else GRADIENT_USUAL
    found = {}
    for program in plan.programs:
        gradient = gradients.get(program.id, usual)
        priced = [(engine.name, pricing(engine, program, gradient)) for engine in engines]
        todo = plan.to_run & program.members.keys()
        found[program.id] = _route(priced, len(todo or program.members), audits(plan, program, share))
    return found


def audits(plan: Plan, program: Program, share: float) -> float:
    """How many universes of a program are audited, in the mean: the share of them, and one of the plan at least."""
    members = len(program.members)
    return max(share * members, members / max(len(plan.universes), 1)) if share else 0.0


def _route(priced: Sequence[tuple[str, Price | None]], universes: int, audited: float) -> tuple[str, ...]:
    *before, (last, resort) = priced
    audit = 0.0 if resort is None else min(1.0, audited) * resort.compile + audited * resort.universe
    least = math.inf if resort is None else resort.of(universes)
    route = [last]
    for name, price in reversed(before):
        if price is not None and price.of(universes) + audit < least:
            route.append(name)
            least = price.of(universes) + audit
    return tuple(reversed(route))

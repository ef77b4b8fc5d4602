"""A plan as plain data, for programs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from multiverse.planning.show_forecast import LAST_RESORT, TRAINED

if TYPE_CHECKING:
    from multiverse.linting.lint import Lint
    from multiverse.planning.forecast import Forecast
    from multiverse.planning.plan import Plan
    from multiverse.planning.program import Program


def plan_card(plan: Plan, lint: Lint) -> dict[str, Any]:
    """What `multiverse plan --json` prints: counts, decisions, programs, notes, seconds, and what the lint found."""
    forecast = plan.forecast
    return {
        "study": plan.study.name,
        "universes": len(plan),
        "duplicates": len(plan.twins),
        "answered": len(plan) - len(plan.todo),
        "to_run": len(plan.to_run),
        "part": None
        if plan.selection is None
        else {"of": plan.selection.of, "taken": plan.selection.said, "notes": list(plan.selection.notes)},
        "reference": plan.reference,
        "estimands": [estimand.name for estimand in plan.wanted.estimands],
        "decisions": [
            {
                "name": name,
                "kind": decision.kind,
                "options": [
                    {
                        "label": option.label,
                        "why": option.why,
                        "plausibility": option.plausibility,
                        "reference": option.label == decision.reference,
                    }
                    for option in decision.options
                ],
            }
            for name, decision in plan.study.space.decisions.items()
        ],
        "programs": [_program(program) for program in plan.programs],
        "notes": list(plan.notes),
        "lint": {
            "findings": [dataclasses.asdict(finding) for finding in lint],
            "checked": list(lint.checked),
            "not_made": lint.not_made,
        },
        "forecast": None if forecast is None else _forecast(forecast),
    }


def _forecast(forecast: Forecast) -> dict[str, Any]:
    """breaks_even: from how many universes, or data sets, training a network pays; null where it never does."""
    pays = forecast.breaks_even(TRAINED, LAST_RESORT)
    return {
        "engine": forecast.engine,
        "seconds": forecast.seconds,
        "workers": forecast.workers,
        "engines": [row._asdict() for row in forecast.engines],
        "breaks_even": {"engine": TRAINED, "against": LAST_RESORT, "universes": pays},
        "gradient_seconds": forecast.gradients,
    }


def _program(program: Program) -> dict[str, Any]:
    kept = [member.rows_kept for member in program.members.values()]
    return {
        "id": program.id,
        "why": program.why,
        "universes": len(program.members),
        "rows_least": min(kept),
        "rows_most": max(kept),
        "padded_to": program.padding.length if program.padding else None,
        "latents": program.sites.dimension,
    }

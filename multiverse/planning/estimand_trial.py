"""Trying estimands while planning, on a few draws of each program, with all the options and data they will see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.alike import in_universe
from multiverse.planning.estimand import Estimand
from multiverse.planning.program import Program
from multiverse.planning.row_axes import row_axes, without_padding
from multiverse.planning.tracing import TRACING


class Trial(NamedTuple):
    """What came of one estimand in one program.

    problem: the first mistake; None where there was none. failed, tried: universes. needed: sites it looks at.
    """

    problem: Problem | None
    failed: int
    tried: int
    needed: frozenset[str]


def try_estimands(
    program: Program, points: Mapping[str, Mapping[str, np.ndarray]], estimands: tuple[Estimand, ...]
) -> dict[str, Trial]:
    """What came of each estimand, by name: tried on universes that show it all the data and options it will see.

    points: a few draws by universe and site, (point, *site shape); those of one universe have the shapes of all.
    """
    trials: dict[str, Trial] = {}
    with TRACING, np.errstate(all="ignore"):  # an estimand may use NumPyro, and these draws are no posterior
        axes = row_axes(program, next(iter(points)))
        for estimand in estimands:
            problems: list[Problem] = []
            needed: set[str] = set()
            tried = 0
            for key in _telling(program, estimand):
                draws = _draws(points.get(key, next(iter(points.values()))))
                rows = program.members[key].rows_kept
                draws |= {name: without_padding(draws[name], axes[name], rows, before=1) for name in axes}
                tried += 1
                given: tuple[Any, Any] = program.data(key), program.option_values(key)
                try:
                    needed |= estimand.sites(draws, *given)
                except Exception as error:
                    problem = estimand.problem(error, draws, *given)
                    where = program.members[key].universe.items()
                    problems.append(problem._replace(what=in_universe(problem.what, where)))
            first = problems[0] if problems else None
            trials[estimand.name] = Trial(first, len(problems), tried, frozenset(needed))
    return trials


def _telling(program: Program, estimand: Estimand) -> Iterator[str]:
    """Universes that together show the estimand every data set, and every combination of the options it takes."""
    seen: set[object] = set()
    for key, member in program.members.items():
        shown = {member.prepared, tuple(member.universe[name] for name in estimand.takes)}
        if not shown <= seen:
            seen |= shown
            yield key


def _draws(points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Seven draws, a number that is unlikely to be the length of a site: (draw,) must not be met by chance."""
    return {name: np.concatenate([a, a, a[:1]]) for name, a in points.items()}

"""Parts of a study that are of another kind than they must be: a name in place of a function, a dict for a space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiverse.errors import Problem
from multiverse.planning.bind import a
from multiverse.space.space import Space
from multiverse.study import Study


def malformed(study: Study) -> list[Problem]:
    """The parts of a study that are of another kind than they must be: nothing more can be told before they are."""
    given: Mapping[str, Any] = vars(study)
    steps = given["prepare"] if isinstance(given["prepare"], list | tuple) else [given["prepare"]]
    problems = [
        Problem(
            f"{part} is {value!r}, {a(value)}.",
            f"a function{', or a list of functions' if part == 'prepare' else ''}",
            f"write `def {part}({'raw' if part == 'prepare' else 'data'}, *, a_decision): ...` "
            f"and give the study the function, `{part}={part}`",
        )
        for part, value in [*(("prepare", step) for step in steps if step is not None), ("model", given["model"])]
        if not callable(value)
    ]
    if not isinstance(given["estimands"], Mapping):
        example = given["estimands"] if isinstance(given["estimands"], str) else "slope"
        problems.append(
            Problem(
                f"estimands is {given['estimands']!r}, {a(given['estimands'])}.",
                "a dict from the name of each estimand to a site or a function of the draws",
                f"write `estimands={{'effect': {example!r}}}`",
            )
        )
    if not isinstance(given["space"], Space):
        problems.append(
            Problem(
                f"space is {a(given['space'])}.",
                "a multiverse.Space",
                "write `space=mv.Space(slope=mv.prior(...))`, or `mv.Space({...})` around a dict of decisions",
            )
        )
    return problems

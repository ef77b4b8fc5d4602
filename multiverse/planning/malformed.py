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
    analyses = {part: given[part] for part in ("model", "estimate") if given[part] is not None}
    problems = [
        Problem(
            f"{part} is {value!r}, {a(value)}.",
            f"a function{', or a list of functions' if part == 'prepare' else ''}",
            f"write `def {part}({'raw' if part == 'prepare' else 'data'}, *, a_decision): ...` "
            f"and give the study the function, `{part}={part}`",
        )
        for part, value in [*(("prepare", step) for step in steps if step is not None), *analyses.items()]
        if not callable(value)
    ]
    if len(analyses) != 1:
        problems.append(
            Problem(
                f"the study has {'both a model and an estimate' if analyses else 'neither a model nor an estimate'}.",
                "one of them: a NumPyro model, or a function that returns an estimate",
                "write `model=model` or `estimate=estimate`",
            )
        )
    problems += _estimands(given["estimands"], bool(analyses) and "estimate" in analyses)
    if not isinstance(given["space"], Space):
        problems.append(
            Problem(
                f"space is {a(given['space'])}.",
                "a multiverse.Space",
                "write `space=mv.Space(slope=mv.prior(...))`, or `mv.Space({...})` around a dict of decisions",
            )
        )
    return problems


def _estimands(given: Any, is_function: bool) -> list[Problem]:
    if is_function:
        names = [given] if isinstance(given, str) else given
        if names is None or (isinstance(names, list | tuple) and names and all(isinstance(n, str) for n in names)):
            return []
        return [
            Problem(
                f"estimands is {given!r}, {a(given)}.",
                "the names of what the `estimate` function returns",
                "write `estimands=['effect']`, or leave it out",
            )
        ]
    if given is None or isinstance(given, Mapping):
        return []
    return [
        Problem(
            f"estimands is {given!r}, {a(given)}.",
            "a dict from the name of each estimand to a site or a function of the draws",
            f"write `estimands={{'effect': {given if isinstance(given, str) else 'slope'!r}}}`",
        )
    ]

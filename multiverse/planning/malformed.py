"""Parts of a study that are of another kind than they must be: a name in place of a function, a dict for a space."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Any

from multiverse.errors import Problem
from multiverse.planning.bind import SIMULATE, a
from multiverse.space.space import Space
from multiverse.study import Study

ARGUMENTS = {"prepare": "raw", "simulate": ", ".join(SIMULATE)}  # of a function of the study, where not `data`
NAMED = {"simulate": "simulator"}
# how the names of files of data end
TABLES = frozenset(".csv .tsv .txt .parquet .feather .json .xlsx .nc .npy .npz .dta .sav .rds".split())


def malformed(study: object) -> list[Problem]:
    """The parts of a study that are of another kind than they must be: nothing more can be told before they are."""
    if not isinstance(study, Study):
        mend = 'write `study = mv.Study("a name", data=..., estimate=..., space=space)`, and plan the study'
        return [Problem(f"what is to be planned is {a(study)}.", "a multiverse.Study", mend)]
    given: Mapping[str, Any] = vars(study)
    steps = given["prepare"] if isinstance(given["prepare"], list | tuple) else [given["prepare"]]
    analyses = {part: given[part] for part in ("model", "estimate", "simulate") if given[part] is not None}
    prior = given["prior"]
    problems = [
        Problem(
            f"{part} is {value!r}, {a(value)}.",
            f"a function{', or a list of functions' if part == 'prepare' else ''}",
            f"write `def {part}({ARGUMENTS.get(part, 'data')}, *, a_decision): ...` "
            f"and give the study the function, `{part}={part}`",
        )
        for part, value in [*(("prepare", step) for step in steps if step is not None), *analyses.items()]
        if not callable(value)
    ]
    if len(analyses) != 1:
        problems.append(
            Problem(
                f"the study has {_both(list(analyses)) if analyses else _neither(prior)}.",
                "one of them: a NumPyro model, or a function that returns an estimate"
                + ("; or a simulator, with a prior" if "simulate" in analyses or prior is not None else ""),
                _one_of(analyses.keys(), prior),
            )
        )
    elif "simulate" in analyses and not (isinstance(prior, Mapping) or callable(prior)):
        problems.append(
            Problem(
                "the study simulates, but has no prior." if prior is None else f"prior is {prior!r}, {a(prior)}.",
                "a dict from the name of each parameter to a NumPyro distribution, or a function of decisions "
                "that gives one",
                'write `prior={"rate": dist.LogNormal(0, 1)}`, with a distribution for each parameter of the simulator',
            )
        )
    elif "simulate" not in analyses and prior is not None:
        problems.append(
            Problem(
                f"the study has a prior beside {'a model' if 'model' in analyses else 'an `estimate` function'}.",
                "a prior beside `simulate` alone: a model samples its own sites from their priors",
                "leave the prior out, or, if priors are choices, make a decision of them: "
                "`space=mv.Space(slope=mv.prior(...))`",
            )
        )
    problems += _data(given["data"])
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


def _both(parts: list[str]) -> str:
    """`both a model and an estimate`."""
    *first, last = [f"{'an' if part == 'estimate' else 'a'} {NAMED.get(part, part)}" for part in parts]
    return f"{'both ' if len(parts) == 2 else ''}{', '.join(first)} and {last}"


def _one_of(parts: Collection[str], prior: Any) -> str:
    if {"model", "simulate"} <= set(parts):
        return "leave `simulate` and `prior` out: a model has a density, and is simulated from as it is written"
    also = ", or `simulate=simulate` beside the prior" if prior is not None else ""
    return f"write `model=model` or `estimate=estimate`{also}"


def _neither(prior: Any) -> str:
    return "neither a model nor an estimate" if prior is None else "a prior, and nothing that simulates"


def _data(given: Any) -> list[Problem]:
    """A file's name in place of what is in it: its key would not change with the data."""
    if not isinstance(given, str | PurePath) or PurePath(given).suffix.lower() not in TABLES:
        return []
    suffix = PurePath(given).suffix.lower()
    reader = f"pd.read_{suffix[1:]}" if suffix in (".csv", ".parquet", ".feather", ".json") else "load"
    return [
        Problem(
            f"data is {str(given)!r}, the name of a file.",
            "raw data, or a function without arguments that loads them",
            f"write `data=lambda: {reader}({str(given)!r})`",
        )
    ]


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

"""Who is who in a study: its raw data are loaded, its options taken apart, and everything gets a fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multiverse.errors import MultiverseError, Problem
from multiverse.identity.fingerprint import describe, fingerprint
from multiverse.identity.keys import StudyIdentity
from multiverse.planning.alike import said
from multiverse.planning.bind import Binding, called
from multiverse.planning.family import Choice, Choices
from multiverse.planning.leaf_path import option_path
from multiverse.planning.structure import take_apart
from multiverse.space.decision import Decision
from multiverse.study import Study


@dataclass(frozen=True)
class Identified:
    """A study's raw data, options and fingerprints, as far as they can be had.

    raw: meaningful only where `loaded`. choices: without the options that have no fingerprint. identity: with empty
    fingerprints where something has none. problems: everything that could not be had.
    """

    raw: Any
    loaded: bool
    choices: Choices
    identity: StudyIdentity
    problems: tuple[Problem, ...]


def identify(study: Study, binding: Binding) -> Identified:
    """Load the raw data, take the options apart, fingerprint everything."""
    problems: list[Problem] = []
    raw, loaded = None, True
    try:
        raw = study.load()
    except Exception as error:
        loaded = False
        problems.append(_not_loaded(study, error))
    else:
        if raw is None and study.data is not None:
            loaded = False
            problems.append(_nothing_loaded(study))
    choices: dict[tuple[str, str | None], Choice] = {}
    for name, decision in study.space.decisions.items():
        choices[name, None] = Choice(None, "", *take_apart(None))
        for option in decision.options:
            try:
                # What prepare takes need not enter a model; it has an identity all the same.
                identity = fingerprint(option.value, name="it")
                apart = take_apart(option.value if name in binding.analysis else None, option_path(name))
            except MultiverseError as error:
                problems += [_unidentified(name, option.label, p) for p in error.problems]
            else:
                choices[name, option.label] = Choice(option.value, identity, *apart)
        problems += _same_options(name, decision, choices)
    prints: dict[str, str] = {}
    analysis = (study.prior, study.simulate) if study.only_simulates else study.analysis
    parts = (("prepare", study.steps), ("model", analysis), ("data", raw))
    for part, value in parts:
        name = called(study.analysis) if part == "model" else "the raw data" if part == "data" else "prepare"
        try:
            prints[part] = fingerprint(value, name=name) if part != "data" or loaded else ""
        except MultiverseError as error:
            prints[part] = ""
            problems += error.problems
    for name, ask in study.questions.items():
        try:
            fingerprint(ask, name=f"the estimand {name!r}")
        except MultiverseError as error:
            problems += error.problems
    return Identified(raw, loaded, choices, StudyIdentity(**prints), tuple(problems))


def _not_loaded(study: Study, error: Exception) -> Problem:
    name = called(study.data)
    return Problem(
        f"loading the data with {name}() raised {said(error)}.",
        "raw data, or a function without arguments that loads them",
        "call it by itself and mend what it raises"
        if name == "<lambda>"
        else f"call `{name}()` by itself and mend what it raises",
    )


def _nothing_loaded(study: Study) -> Problem:
    name = called(study.data)
    return Problem(
        f"loading the data with {name}() gave None.",
        "raw data, or a function without arguments that loads them",
        f"end {name}() with `return ...`",
    )


def _unidentified(name: str, label: str, problem: Problem) -> Problem:
    what = problem.what.removeprefix("it ") if problem.what.startswith("it ") else f": {problem.what}"
    return problem._replace(what=f"the option {label!r} of {name!r} {what}".replace(" :", ":"))


def _same_options(name: str, decision: Decision, choices: Mapping[tuple[str, str | None], Choice]) -> list[Problem]:
    """Two options of one decision with the same value: every universe would be counted twice."""
    seen: dict[str, str] = {}
    problems = []
    for option in decision.options:
        if (name, option.label) not in choices:
            continue
        first = seen.setdefault(choices[name, option.label].identity, option.label)
        if first != option.label:
            problems.append(
                Problem(
                    f"the options {first!r} and {option.label!r} of {name!r} have the same value, "
                    f"{describe(option.value)}.",
                    "options that differ: a universe that is there twice would count twice",
                    f"leave out {option.label!r}, or give it another value",
                )
            )
    return problems

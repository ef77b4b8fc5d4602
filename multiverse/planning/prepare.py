"""Preprocessing: each step runs once per distinct combination of the decisions that it and the steps before it take."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multiverse.errors import Problem
from multiverse.planning.bind import Binding, called
from multiverse.planning.structure import Leaves, Structure, take_apart
from multiverse.planning.tidy import tidy
from multiverse.space.universe import Universe
from multiverse.study import Study

Labels = tuple[tuple[str, str | None], ...]
WITH = " (with "  # between what is wrong and the options where it is


@dataclass(frozen=True)
class Prepared:
    """One distinct prepared data set.

    number: its place in the plan. labels: the options of the preprocessing decisions that made it. data: what the
    model and the estimands see. structure, leaves: the same, taken apart.
    """

    number: int
    labels: Labels
    data: Any
    structure: Structure
    leaves: Leaves

    def __str__(self) -> str:
        return _options(self.labels)


class Preparer:
    """Prepares data on demand and remembers what it did; mistakes are collected in `problems`, once each."""

    def __init__(self, study: Study, binding: Binding, raw: Any):
        self._study, self._binding, self._raw = study, binding, raw
        self._cache: dict[tuple[int, Labels], Any] = {}
        self._prepared: dict[Labels, Prepared | None] = {}
        self.problems: list[Problem] = []

    @property
    def prepared(self) -> tuple[Prepared, ...]:
        """All data sets made so far that are fit to be used."""
        return tuple(p for p in self._prepared.values() if p is not None)

    def __call__(self, universe: Universe, values: Mapping[str, Any]) -> Prepared | None:
        """The data set of a universe; None where preprocessing failed (the reason is in `problems`)."""
        wanted = self._binding.prepare
        labels = tuple(pair for pair in zip(universe.names, universe.labels, strict=True) if pair[0] in wanted)
        if labels not in self._prepared:
            self._prepared[labels] = self._prepare(labels, values)
        return self._prepared[labels]

    def _prepare(self, labels: Labels, values: Mapping[str, Any]) -> Prepared | None:
        data, seen = self._raw, frozenset[str]()
        for number, (step, takes) in enumerate(zip(self._study.steps, self._binding.steps, strict=True)):
            seen |= set(takes)
            at = number, tuple(pair for pair in labels if pair[0] in seen)
            if at not in self._cache:
                try:
                    # A step that changes what it is given must not spoil it for the next combination of options.
                    self._cache[at] = step(copy.deepcopy(data), **{n: copy.deepcopy(values[n]) for n in takes})
                except Exception as error:
                    self._cache[at] = error
                    self.problems.append(_raised(step, at[1], error))
                else:
                    if self._cache[at] is None:
                        self._cache[at] = ValueError("None")
                        self.problems.append(_nothing(step, at[1]))
            data = self._cache[at]
            if isinstance(data, Exception):
                return None
        data, problems = tidy(data)
        self.problems += [p._replace(what=_in(labels, p.what)) for p in problems]
        if problems:
            return None
        structure, leaves = take_apart(data)
        return Prepared(len(self._prepared), labels, data, structure, leaves)


def summed_up(problems: list[Problem]) -> list[Problem]:
    """One problem for each kind of mistake in preprocessing, with the number of combinations that show it."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        kind = re.sub(r"\d+", "#", problem.what.partition(WITH)[0])  # counts differ between combinations
        groups.setdefault(kind, []).append(problem)
    return [_with_others(alike[0], len(alike) - 1) for alike in groups.values()]


def _with_others(problem: Problem, others: int) -> Problem:
    if not others:
        return problem
    more = f"{others} more combination{'s' if others > 1 else ''} of options"
    return problem._replace(what=f"{problem.what.removesuffix('.')}, and in {more}.")


def _raised(step: Any, labels: Labels, error: Exception) -> Problem:
    return Problem(
        _in(labels, f"{called(step)}() raised {said(error)}"),
        "prepared data for every combination of options",
        f"mend {called(step)}() for these options{_or_forbid(labels)}",
    )


def _nothing(step: Any, labels: Labels) -> Problem:
    return Problem(
        _in(labels, f"{called(step)}() returned None"),
        "what the next step or the model takes, such as a dict of arrays",
        f"end {called(step)}() with `return ...`",
    )


def said(error: BaseException) -> str:
    """An exception in one line: its type and the first line of its message."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _in(labels: Labels, what: str) -> str:
    """The sentence with the options where it holds."""
    shown = _options(labels)
    return f"{what.removesuffix('.')}{f'{WITH}{shown})' if shown else ''}."


def _or_forbid(labels: Labels) -> str:
    active = [(name, label) for name, label in labels if label is not None]
    if not active:
        return ""
    names, wanted = ", ".join(name for name, _ in active), ", ".join(repr(label) for _, label in active)
    rule = f"{names} == {wanted}" if len(active) == 1 else f"({names}) == ({wanted})"
    return f', or rule them out: `space.forbid("the reason", lambda {names}: {rule})`'


def _options(labels: Labels) -> str:
    return ", ".join(f"{name}={label!r}" for name, label in labels if label is not None)

"""Preprocessing: each step runs once per distinct combination of the decisions that it and the steps before it take."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multiverse.errors import MultiverseError, Problem
from multiverse.planning.alike import in_universe, or_forbid, said
from multiverse.planning.bind import Binding, called
from multiverse.planning.structure import Leaves, Structure, take_apart
from multiverse.planning.tidy import SOME_ROWS, empty_as_one, tidy
from multiverse.space.universe import Universe
from multiverse.study import Study

Labels = tuple[tuple[str, str | None], ...]


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

    @functools.cached_property
    def text(self) -> str:
        """What must be equal for two data sets to share a program: all but the lengths of first axes."""
        leaves = sorted(self.leaves.items())
        trailing = ";".join(f"{path}:{a.dtype.kind}{a.ndim}{list(a.shape[1:])}" for path, a in leaves)
        return f"{self.structure.text}|{trailing}"

    @functools.cached_property
    def size(self) -> int:
        """The longest first axis: the number of rows, where there is a table."""
        return max((leaf.shape[0] for leaf in self.leaves.values() if leaf.ndim > 0), default=0)


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
        for problem in empty_as_one(problems):
            mend = problem.mend + (or_forbid(labels) if problem.expected == SOME_ROWS else "")
            self.problems.append(problem._replace(what=in_universe(problem.what, labels), mend=mend))
        if problems:
            return None
        try:
            structure, leaves = take_apart(data)
        except MultiverseError as error:
            self.problems += [p._replace(what=in_universe(p.what, labels)) for p in error.problems]
            return None
        return Prepared(len(self._prepared), labels, data, structure, leaves)


def _raised(step: Any, labels: Labels, error: Exception) -> Problem:
    return Problem(
        in_universe(f"{called(step)}() raised {said(error)}", labels),
        "prepared data for every combination of options",
        f"mend {called(step)}() for these options{or_forbid(labels)}",
    )


def _nothing(step: Any, labels: Labels) -> Problem:
    return Problem(
        in_universe(f"{called(step)}() returned None", labels),
        "what the next step or the model takes, such as a dict of arrays",
        f"end {called(step)}() with `return ...`",
    )

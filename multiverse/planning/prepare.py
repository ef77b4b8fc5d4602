"""Preprocessing: each step runs once per distinct combination of the decisions that it and the steps before it take."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from multiverse.errors import MultiverseError, Problem
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.alike import in_universe, or_forbid, said
from multiverse.planning.bind import Binding, called
from multiverse.planning.structure import Leaves, Structure, take_apart
from multiverse.planning.tidy import SOME_ROWS, empty_as_one, tidy
from multiverse.planning.unanswerable import Unanswerable, unanswerable
from multiverse.space.universe import Universe
from multiverse.study import Study

Labels = tuple[tuple[str, str | None], ...]
NOTHING = Structure("anything", lambda leaves: None)  # of data that are no tree of arrays: nothing to batch


@dataclass(frozen=True)
class Prepared:
    """One distinct prepared data set.

    number: its place in the plan. labels: the options of the preprocessing decisions that made it. data: what the
    model and the estimands see. structure, leaves: the same, taken apart. raw: the data that it was made of. index:
    the labels of its rows, where preprocessing gave tables or columns of pandas, which remember them; else None.
    """

    number: int
    labels: Labels
    data: Any
    structure: Structure
    leaves: Leaves
    raw: Any = field(default=None, repr=False, compare=False)
    index: Any = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "raw": None, "index": None}  # of use while planning; large, and the same for all

    @functools.cached_property
    def text(self) -> str:
        """What must be equal for two data sets to share a program: all but the lengths of first axes."""
        leaves = sorted(self.leaves.items())
        trailing = ";".join(f"{path}:{a.dtype.kind}{a.ndim}{list(a.shape[1:])}" for path, a in leaves)
        return f"{self.structure.text}|{trailing}"

    @functools.cached_property
    def identity(self) -> str | None:
        """The fingerprint of the data; None where they have none, as what an `estimate` function takes may."""
        try:
            return fingerprint(self.data)
        except MultiverseError:
            return None

    @functools.cached_property
    def size(self) -> int:
        """The longest first axis: the number of rows, where there is a table."""
        return max((leaf.shape[0] for leaf in self.leaves.values() if leaf.ndim > 0), default=0)


class Preparer:
    """Prepares data on demand, and remembers what it did."""

    def __init__(self, study: Study, binding: Binding, raw: Any):
        self._study, self._binding, self._raw = study, binding, raw
        self._steps: dict[tuple[int, Labels], Any] = {}
        self._prepared: dict[Labels, Prepared | Unanswerable] = {}

    def __call__(self, universe: Universe, values: Mapping[str, Any]) -> Prepared | Unanswerable:
        """The data set of a universe, or why it has none."""
        wanted = self._binding.prepare
        labels = tuple(pair for pair in zip(universe.names, universe.labels, strict=True) if pair[0] in wanted)
        if labels not in self._prepared:
            self._prepared[labels] = self._prepare(labels, values)
        return self._prepared[labels]

    def _prepare(self, labels: Labels, values: Mapping[str, Any]) -> Prepared | Unanswerable:
        data, seen = self._raw, frozenset[str]()
        for number, (step, takes) in enumerate(zip(self._study.steps, self._binding.steps, strict=True)):
            seen |= set(takes)
            at = number, tuple(pair for pair in labels if pair[0] in seen)
            if at not in self._steps:
                try:
                    # A step that changes what it is given must not spoil it for the next combination of options.
                    out = step(copy.deepcopy(data), **{n: copy.deepcopy(values[n]) for n in takes})
                except Exception as error:
                    out = unanswerable("prepare", [_raised(step, at[1], error)], error)
                self._steps[at] = unanswerable("prepare", [_nothing(step, at[1])]) if out is None else out
            data = self._steps[at]
            if isinstance(data, Unanswerable):
                return data
        number, index = len(self._prepared), _index(data)
        if self._study.is_function:
            return replace(anything(number, labels, data), raw=self._raw, index=index)
        data, problems = tidy(data)
        problems = empty_as_one(problems)
        try:
            structure, leaves = take_apart(data) if not problems else (NOTHING, {})
        except MultiverseError as error:
            problems = list(error.problems)
        if problems:
            forbid = {p.what: or_forbid(labels) if p.expected == SOME_ROWS else "" for p in problems}
            told = [p._replace(what=in_universe(p.what, labels), mend=p.mend + forbid[p.what]) for p in problems]
            return unanswerable("prepare", told)
        return Prepared(number, labels, data, structure, leaves, self._raw, index)


def anything(number: int, labels: Labels, data: Any) -> Prepared:
    """Prepared data of an `estimate` function, which may be of any kind; only arrays of numbers become leaves.

    A function that looks at something else cannot be traced, and will be called universe by universe.
    """
    columns = {name: data[name] for name in data} if _is_table(data) else {"": data}
    arrays = {name: tidied for name, column in columns.items() for tidied, problems in [tidy(column)] if not problems}
    try:
        found = arrays if _is_table(data) else arrays.get("")
        structure, leaves = take_apart(found) if arrays else (NOTHING, {})
    except MultiverseError:
        structure, leaves = NOTHING, {}
    return Prepared(number, labels, data, structure, leaves)


def _index(data: Any) -> Any:
    """The labels of the rows of a pandas table, or of the first pandas column among data; None where there is none."""
    parts = list(data.values()) if isinstance(data, Mapping) else data if isinstance(data, list | tuple) else []
    return next((part.index for part in (data, *parts) if hasattr(part, "iloc") and hasattr(part, "index")), None)


def _is_table(data: Any) -> bool:
    return isinstance(data, Mapping) or (hasattr(data, "columns") and hasattr(data, "iloc"))


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

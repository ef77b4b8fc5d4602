"""Preprocessing: each step runs once per distinct combination of the decisions that it and the steps before it take."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.bind import Binding, called
from multiverse.planning.structure import Leaves, Structure, is_leaf, take_apart
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
        names = [name for name in universe if name in self._binding.prepare]
        labels = tuple((name, universe[name]) for name in names)
        if labels not in self._prepared:
            self._prepared[labels] = self._prepare(labels, universe, values)
        return self._prepared[labels]

    def _prepare(self, labels: Labels, universe: Universe, values: Mapping[str, Any]) -> Prepared | None:
        data, seen = self._raw, frozenset[str]()
        for number, (step, takes) in enumerate(zip(self._study.steps, self._binding.steps, strict=True)):
            seen |= set(takes)
            at = number, tuple((name, universe[name]) for name in universe if name in seen)
            if at not in self._cache:
                # A step that changes its input in place must not spoil it for the next combination of options.
                mine = copy.deepcopy(data)
                try:
                    self._cache[at] = step(mine, **{name: values[name] for name in takes})
                except Exception as error:
                    self._cache[at] = error
                    self.problems.append(_raised(step, labels, error))
            data = self._cache[at]
            if isinstance(data, Exception):
                return None
        data, problems = tidy(data)
        self.problems += [p._replace(what=f"{p.what}{_where(labels)}") for p in problems]
        if problems:
            return None
        structure, leaves = take_apart(data)
        return Prepared(len(self._prepared), labels, data, structure, leaves)


def tidy(data: Any, path: str = "data") -> tuple[Any, list[Problem]]:
    """Prepared data with pandas columns and lists of numbers as arrays, and what a model could not use in them."""
    if isinstance(data, Mapping):
        parts = {key: tidy(value, f"{path}[{key!r}]") for key, value in data.items()}
        return {key: part for key, (part, _) in parts.items()}, [p for _, ps in parts.values() for p in ps]
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return tidy({str(name): data[name] for name in data.columns}, path)
    if isinstance(data, list | tuple) and data and all(isinstance(x, bool | int | float | np.generic) for x in data):
        return tidy(np.asarray(data), path)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        parts = {key: tidy(value, f"{path}.{key}") for key, value in zip(data._fields, data, strict=True)}
        return type(data)(**{k: v for k, (v, _) in parts.items()}), [p for _, ps in parts.values() for p in ps]
    if isinstance(data, list | tuple):
        items = [tidy(value, f"{path}[{i}]") for i, value in enumerate(data)]
        return type(data)(v for v, _ in items), [p for _, ps in items for p in ps]
    if hasattr(data, "dtype") and hasattr(data, "shape"):
        return _array(data, path)
    problems = []
    if isinstance(data, float) and not np.isfinite(data):
        problems = [_not_finite(path, 1, 1)]
    return data, problems


def _array(data: Any, path: str) -> tuple[Any, list[Problem]]:
    try:
        array = np.asarray(data)
        if array.dtype.kind == "O":  # pandas' nullable numbers with missing values arrive as objects
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        array = np.asarray(data, dtype=object)
    if array.dtype.kind not in "biuf":
        return data, [
            Problem(
                f"{path} has dtype {data.dtype}, which a model cannot compute with.",
                "an array of numbers or bools",
                "encode it in prepare, as in `codes, names = pd.factorize(column)`, or leave it out",
            )
        ]
    if array.size == 0:
        return array, [
            Problem(
                f"{path} is empty.",
                "at least one row after preprocessing",
                "loosen the option, or rule the combination out with `space.forbid(why, rule)`",
            )
        ]
    if array.dtype.kind == "f" and (bad := int((~np.isfinite(array)).sum())):
        return array, [_not_finite(path, bad, array.size)]
    if array.dtype.kind in "iu" and np.abs(array.astype(np.float64)).max() > np.iinfo(np.int32).max:
        return array, [
            Problem(f"{path} holds integers beyond 32 bits.", "integers up to 2147483647", "convert it to float")
        ]
    return array if not is_leaf(array) else np.array(array), []


def _not_finite(path: str, bad: int, size: int) -> Problem:
    return Problem(
        f"{path} has {bad} of {size} values that are NaN or infinite.",
        "finite numbers",
        "drop or fill them in prepare (that is a preprocessing decision), or look for a log of zero",
    )


def _raised(step: Any, labels: Labels, error: Exception) -> Problem:
    return Problem(
        f"{called(step)}() raised {type(error).__name__}: {error}{_where(labels)}",
        "prepared data for every combination of options",
        "mend the function for these options, or rule them out with `space.forbid(why, rule)`",
    )


def _where(labels: Labels) -> str:
    return f" (with {_options(labels)})" if labels else ""


def _options(labels: Labels) -> str:
    return ", ".join(f"{name}={label!r}" for name, label in labels if label is not None)

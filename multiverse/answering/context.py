"""Where an option value lies among those that a network has learnt: within them, or beyond."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from multiverse.errors import Problem, ResultError
from multiverse.planning.family import Choice
from multiverse.planning.leaf_path import spoken
from multiverse.planning.program import Program
from multiverse.planning.structure import Leaves


class Context(StrEnum):
    """How what was asked lies to what the network has learnt."""

    universe = "universe of the space"
    inside = "inside the trained context"
    outside = "outside: weighed"


class Placed(NamedTuple):
    """Option values of their own, as a network takes them.

    outside: what of them is beyond the options that were learnt, in words; empty where nothing is. told: the nearest
    leaves that were learnt, in place of those beyond.
    """

    context: Context
    outside: tuple[str, ...]
    told: Leaves


def place(program: Program, values: Mapping[str, Choice]) -> Placed:
    """Where values lie among the options that the program's universes have, number by number.

    Training draws values between any two options, so what lies between the least and the largest was learnt; whole
    numbers and truth values only as options have them. Raises ResultError for a number that the model branches on.
    """
    outside: list[str] = []
    told: Leaves = {}
    for name, value in values.items():
        labels = sorted({str(m.universe[name]) for m in program.members.values() if m.universe[name] is not None})
        options = [program.choices[name, label] for label in labels if (name, label) in program.choices]
        for path, leaf in value.leaves.items():
            if path in program.signature.fixed:
                raise ResultError(_branches(path, leaf, program))
            nearest, beyond = _nearest(leaf, np.stack([option[path] for option in options]))
            if beyond:
                outside.append(f"{spoken(path)} = {_shown(leaf)} is {beyond}")
                told[path] = nearest
    if outside:
        return Placed(Context.outside, tuple(outside), told)
    return Placed(Context.inside if values else Context.universe, (), {})


def _nearest(leaf: np.ndarray, options: np.ndarray) -> tuple[np.ndarray, str]:
    """The nearest leaf that was learnt, and how the one that is asked is beyond the options; empty if it is not."""
    if leaf.dtype.kind != "f":
        if any(np.array_equal(leaf, option) for option in options):
            return leaf, ""
        apart = [np.abs(leaf.astype(np.float64) - option).sum() for option in options]
        return options[int(np.argmin(apart))], f"none of the options' {', '.join(_shown(o) for o in options)}"
    low, high = options.min(axis=0), options.max(axis=0)
    if ((low <= leaf) & (leaf <= high)).all():
        return leaf, ""
    span = f"{_shown(low)} to {_shown(high)}"
    return np.clip(leaf, low, high), f"beyond the options' {_shown(low) if np.array_equal(low, high) else span}"


def _shown(leaf: np.ndarray) -> str:
    return f"{leaf:g}" if leaf.ndim == 0 else np.array2string(leaf, precision=4, threshold=8)


def _branches(path: str, leaf: np.ndarray, program: Program) -> Problem:
    return Problem(
        f"{spoken(path)} = {_shown(leaf)} needs another program: the model branches on this number.",
        f"{program.signature.fixed[path]}, with which the network's program was made",
        "add it to the space as an option and train again",
    )

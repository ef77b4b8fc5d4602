"""A new data set as the programs of a trained network take it: prepared by the study's own steps, padded as they are.

It is no plan: universes are known, nothing is traced and nothing compiled but what the model observes, once a program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from multiverse.engines.programs import Programs
from multiverse.errors import Problem, ResultError
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.leaf_path import OBSERVED, spoken
from multiverse.planning.padding import common_rows
from multiverse.planning.prepare import Prepared
from multiverse.planning.program import Program
from multiverse.planning.simulate import seen_by
from multiverse.planning.structure import Leaves
from multiverse.planning.tracing import QUICK_COMPILE, compiled


class Fitted(NamedTuple):
    """A prepared data set in the shapes of a program. rows: how many it keeps."""

    program: Program
    leaves: Leaves
    rows: int


def fit_to(programs: Sequence[Program], prepared: Prepared) -> Fitted:
    """The first of some programs that takes a data set. Raises ResultError with what differs from the first of all."""
    problems: list[Problem] = []
    for program in programs:
        found = _fit(program, prepared)
        if isinstance(found, Fitted):
            return found
        problems = problems or found
    raise ResultError(problems)


def kin_of(programs: Sequence[Program]) -> dict[str, list[Program]]:
    """Each program by its id, then those that differ from it in the shapes of their data alone, the shortest first."""
    alike: dict[tuple[Any, ...], list[Program]] = {}
    for program in sorted(programs, key=lambda one: (one.padding.length if one.padding else 0, one.id)):
        alike.setdefault(_kind(program), []).append(program)
    return {one.id: [one, *(other for other in some if other is not one)] for some in alike.values() for one in some}


def _kind(program: Program) -> tuple[Any, ...]:
    own = program.signature
    options = tuple(sorted((name, structure.text) for name, structure in own.options.items()))
    fixed = tuple(sorted((path, fingerprint(value)) for path, value in own.fixed.items()))
    return own.data.text, options, fingerprint(dict(own.reparam)), fixed, program.kind


def _fit(program: Program, prepared: Prepared) -> Fitted | list[Problem]:
    """The data set as this program takes it, or what differs."""
    like = next(iter(program.original.values()))
    if differ := _differences(program, prepared, like):
        return differ
    leaves, padding = dict(prepared.leaves), program.padding
    rows = next(iter(program.members.values())).rows_kept
    if padding is not None:
        counted = common_rows(leaves, padding.paths)
        if counted is None:
            lengths = ", ".join(f"{spoken(path)} {leaves[path].shape[0]}" for path in sorted(padding.paths))
            return [Problem(f"the rows of the data are of several lengths: {lengths}.", "one length", _MEND)]
        if counted > padding.length:
            return [
                Problem(
                    f"the data keep {counted} rows when prepared, and the network takes at most {padding.length}.",
                    f"a data set of at most {padding.length} rows",
                    "answer it in parts, or train a network on a data set as long as the longest to come",
                )
            ]
        rows = counted
        leaves = padding(leaves, rows)
    return Fitted(program, {path: leaf for path, leaf in leaves.items() if path not in program.signature.fixed}, rows)


_MEND = "give data as the study's own are, or train a network for these: mv.run(study, engine=mv.Amortized())"


def _differences(program: Program, prepared: Prepared, like: Prepared) -> list[Problem]:
    problems: list[Problem] = []
    padded = program.padding.paths if program.padding else frozenset()
    mine, theirs = prepared.leaves, like.leaves
    if missing := sorted(theirs.keys() - mine.keys()):
        what = f"the data lack {', '.join(map(spoken, missing))}"
        problems.append(Problem(f"{what}.", f"{', '.join(map(spoken, sorted(theirs)))}", _MEND))
    if more := sorted(mine.keys() - theirs.keys()):
        what = f"the data have {', '.join(map(spoken, more))}, which those of the study have not"
        problems.append(Problem(f"{what}.", f"{', '.join(map(spoken, sorted(theirs)))}", _MEND))
    for path in sorted(mine.keys() & theirs.keys()):
        new, old = mine[path], theirs[path]
        if new.dtype != old.dtype:
            what = f"{spoken(path)} holds {new.dtype}, and in the study's own data {old.dtype}"
            problems.append(Problem(f"{what}.", str(old.dtype), f"`.astype({old.dtype.name!r})`"))
        elif new.shape[1:] != old.shape[1:] or (path not in padded and new.shape != old.shape):
            what = f"{spoken(path)} has the shape {new.shape}, and the network takes {old.shape}"
            problems.append(Problem(f"{what}.", f"{old.shape}", _MEND))
        elif path in program.signature.fixed and not np.array_equal(new, np.asarray(program.signature.fixed[path])):
            what = f"{spoken(path)} is {new}: the model branches on it, so another value is another program"
            problems.append(Problem(f"{what}.", f"{program.signature.fixed[path]}", _MEND))
    if not problems and prepared.structure.text != like.structure.text:
        what = "the prepared data have another structure: a whole number, a text or the order of nesting differs"
        problems.append(Problem(f"{what}.", "the structure of the study's own data", _MEND))
    return problems


class Observer:
    """What a program observes of a data set; compiled once for each program."""

    def __init__(self) -> None:
        self._compiled = Programs()

    def __call__(self, program: Program, leaves: Mapping[str, np.ndarray]) -> Leaves:
        """The observed values as leaves of the opened program, by `"observed: SITE"`."""
        import jax

        with jax.enable_x64(True):
            see = seen_by(program)

            def look(leaves: Mapping[str, Any]) -> dict[str, Any]:
                return {name: one.value for name, one in see(leaves).items()}

            run = self._compiled.get(program.id, lambda: compiled(look, dict(leaves), options=QUICK_COMPILE))
            return {f"{OBSERVED}{name}": _leaf(np.asarray(value)) for name, value in run(dict(leaves)).items()}


def _leaf(value: np.ndarray) -> np.ndarray:
    kind = {"f": np.float64, "i": np.int32, "u": np.int32}.get(value.dtype.kind, value.dtype)
    return np.ascontiguousarray(value, kind).reshape(value.shape)

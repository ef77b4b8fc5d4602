"""Whether an analysis uses a column of its data: told by what JAX sees, or by changing it and calling again."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from multiverse.linting.columns import Column, with_column
from multiverse.linting.dependence import dependence
from multiverse.planning.answer import answers_of
from multiverse.planning.function_programs import plain_call
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

SLOWEST_CALL = 1.0  # seconds that a function may take to be called again: some ten calls stay below a pilot's time


class Use:
    """Answers whether universes of a plan use a column. Remembers what it found."""

    def __init__(self, plan: Plan):
        self._plan = plan
        programs = {program.id: program for program in plan.programs}
        self._live = functools.cache(lambda id: dependence(programs[id], plan.wanted).live)
        self._used: dict[tuple[str, tuple[Any, ...]], bool | None] = {}

    def __call__(self, key: str, column: Column, values: np.ndarray) -> bool | None:
        """Whether the answer of a universe depends on a column of its data; None where that cannot be told.

        values: others that the column might have held, `(rows,)`; a function is called with them, and one that raises
        uses it. Of a model, a matrix is used as a whole.
        """
        program = self._plan.program_of[key]
        if program.kind in ("model", "simulator"):
            return column.path in self._live(program.id)
        at = program.id, column.place
        if at not in self._used:
            self._used[at] = self._called(program, key, column, values)
        return self._used[at]

    def _called(self, program: Program, key: str, column: Column, values: np.ndarray) -> bool | None:
        if program.seconds > SLOWEST_CALL:
            return None
        names = [estimand.name for estimand in self._plan.wanted.estimands]
        call = plain_call(program, key)
        try:
            other = plain_call(program, key)._replace(data=with_column(call.data, column.place, values))
            before = _numbers(call.apart(), names)
        except Exception:  # the function fails for this universe, or its data cannot be changed
            return None
        try:
            after = _numbers(other.apart(), names)
        except Exception:
            return True
        return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))


def _numbers(out: Any, names: list[str]) -> list[np.ndarray]:
    answers = answers_of(out, names)
    return [np.asarray(part, dtype=np.float64) for name in names for _, part in sorted(answers[name].items())]

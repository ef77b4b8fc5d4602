"""Universes that planning shows cannot be answered: they will be red, with a reason, and the others are answered."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from multiverse.errors import Problem
from multiverse.planning.alike import summed_up

Stage = Literal["prepare", "model"]


class Unanswerable(NamedTuple):
    """Why a universe cannot be answered.

    stage: what failed, preprocessing or the analysis itself; the name of a `Reason` of outcomes. problems: what is
    wrong. traceback: of the exception; empty where nothing was raised.
    """

    stage: Stage
    problems: tuple[Problem, ...]
    traceback: str = ""

    @property
    def message(self) -> str:
        """What is wrong, as sentences."""
        return " ".join(problem.what for problem in self.problems)


def unanswerable(stage: Stage, problems: Iterable[Problem], error: BaseException | None = None) -> Unanswerable:
    """These mistakes as the reason why universes cannot be answered."""
    text = "".join(traceback.format_exception(error)) if error is not None else ""
    return Unanswerable(stage, tuple(problems), text)


def problems_of(failures: Mapping[str, Unanswerable]) -> list[Problem]:
    """The mistakes behind all of these, one for each kind."""
    return summed_up(problem for failure in failures.values() for problem in failure.problems)


def notes_on(failures: Mapping[str, Unanswerable], universes: int) -> list[str]:
    """What a plan says of universes that it cannot answer: a note for each kind of mistake."""
    if not failures:
        return []
    counts = Counter(failure.stage for failure in failures.values())
    stages = " and ".join(f"{count:,} in {stage}" for stage, count in counts.items())
    return [
        f"{len(failures):,} of {universes:,} universes cannot be answered and will be red ({stages}):",
        *(f"{problem.what} Mend: {problem.mend}." for problem in problems_of(failures)),
    ]

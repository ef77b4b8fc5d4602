"""What is said to a person who made a mistake: what is wrong with their value, what was expected, the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake, in three lines: what is wrong, what was expected, and how to mend it."""

    what: str
    expected: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}\n  expected: {self.expected}\n  mend: {self.mend}"


class MultiverseError(Exception):
    """Base of every error raised on purpose; holds all mistakes found, not only the first.

    `problems` is a non-empty tuple of `Problem`, in the order in which they were found.
    """

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        listed = (f"{i}. " + str(p).replace("\n", "\n   ") for i, p in enumerate(self.problems, 1))
        return f"{len(self.problems)} mistakes:\n" + "\n".join(listed)

    def __reduce__(self) -> tuple[type[MultiverseError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)  # exceptions cross process borders


class SpaceError(MultiverseError):
    """The space cannot be what was written: a bad decision, option or rule."""


class PlanError(MultiverseError):
    """The study cannot be planned; every mistake found is listed."""


class FingerprintError(MultiverseError):
    """A value has no stable identity, so answers that depend on it could not be found again."""


class StoreError(MultiverseError):
    """The store cannot be read, written, or does not belong to this study or these settings."""


class ExecutorError(MultiverseError):
    """The machines that were asked for cannot be reached, or cannot do the work."""


class ResultError(MultiverseError):
    """The question cannot be answered from these results."""


def near_miss(name: str, choices: Iterable[str]) -> str:
    """`"Did you mean 'slope'?  "` when one of the choices is close to the name, else an empty string."""
    near = difflib.get_close_matches(name, list(choices), n=1)
    return f"Did you mean {near[0]!r}?  " if near else ""

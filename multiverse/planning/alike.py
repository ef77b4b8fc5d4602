"""Mistakes that are one mistake, met with several combinations of options."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterable

from multiverse.errors import Problem
from multiverse.identity.installed import is_installed_file

WITH = " (with "  # between what is wrong and the options where it is
NUMBER = re.compile(r"(?<![\w'\"\[])-?\d[\w.+-]*")  # free numbers: not those in names, labels and indices

Labels = Iterable[tuple[str, str | None]]


def in_universe(what: str, labels: Labels) -> str:
    """The sentence, with the options where it holds."""
    shown = ", ".join(f"{name}={label!r}" for name, label in labels if label is not None)
    return f"{what.removesuffix('.')}{f'{WITH}{shown})' if shown else ''}."


def said(error: BaseException) -> str:
    """An exception in one line: its type, the first line of its message, and the user's line that led to it."""
    first = str(error).strip().partition("\n")[0].removesuffix(".")
    return (f"{type(error).__name__}: {first}" if first else type(error).__name__) + place(error)


def place(error: BaseException) -> str:
    """As in ` at study.py:12, `y = raw["y"]``: the user's own last line in a traceback; empty if there is none."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_installed_file(frame.filename)]
    if not own:
        return ""
    line = f", `{own[-1].line}`" if own[-1].line else ""
    return f" at {os.path.basename(own[-1].filename)}:{own[-1].lineno}{line}"


def or_forbid(labels: Labels) -> str:
    """The other way out of a mistake: a rule, ready to paste, that excludes these options."""
    active = [(name, label) for name, label in labels if label is not None]
    if not active:
        return ""
    names, wanted = ", ".join(name for name, _ in active), ", ".join(repr(label) for _, label in active)
    rule = f"{names} == {wanted}" if len(active) == 1 else f"({names}) == ({wanted})"
    return f', or rule them out: `space.forbid("the reason", lambda {names}: {rule})`'


def summed_up(problems: Iterable[Problem]) -> list[Problem]:
    """One problem for each kind of mistake: the first, with the number of other combinations that show it."""
    kinds: dict[str, list[Problem]] = {}
    for problem in dict.fromkeys(problems):
        kind = NUMBER.sub("#", problem.what.partition(WITH)[0])  # counts differ between combinations
        kinds.setdefault(kind, []).append(problem)
    return [_with_others(alike[0], len(alike) - 1) for alike in kinds.values()]


def _with_others(problem: Problem, others: int) -> Problem:
    if not others:
        return problem
    more = f"{others} more combination{'s' if others > 1 else ''} of options"
    return problem._replace(what=f"{problem.what.removesuffix('.')}, and in {more}.")

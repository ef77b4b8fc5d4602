"""When a sweep may stop before every universe is answered: when intervals of its running summary are narrow enough."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from multiverse.aggregate.printing import number, percent
from multiverse.aggregate.running import SAMPLING, Running
from multiverse.aggregate.running_limits import LEVEL
from multiverse.errors import PlanError, Problem, near_miss

# Finished clusters below which a sampling interval stops nothing. An interval that is looked at until it is narrow
# covers less often than its level, as it is narrow by chance too; that fades with the sample (Chow and Robbins 1965,
# Ann. Math. Statist. 36:457-462; Glynn and Whitt 1992, Ann. Appl. Probab. 2:180-198).
FEWEST_BATCHES: Final = 10
WIDTHS: Final = ("share", "median")
_EXAMPLE: Final = "StopWhen(share=0.05) (--stop-when share=0.05)"


@dataclass(frozen=True)
class StopWhen:
    """How wide the intervals of the running summary may be when a sweep stops; all that are given must be met.

    share: of the share of universes that agree with the reference universe's sign, from end to end, as in 0.05. median:
    of the median over universes, on the estimand's scale. estimand: which one; by default the first of the study.
    Raises PlanError where no width is given, or one is not a finite number above zero (a share below one).
    """

    share: float | None = None
    median: float | None = None
    estimand: str | None = None

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise PlanError(problems)

    @classmethod
    def parse(cls, text: str) -> StopWhen:
        """Of `share=0.05,median=0.1,estimand=effect`, in any order. Raises PlanError where it cannot be read."""
        said: dict[str, str] = {}
        problems = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (word.strip() for word in part.partition("="))
            known = (*WIDTHS, "estimand")
            if not equals or name not in known or name in said:
                twice = " twice" if name in said else ""
                what = f"--stop-when {text!r} says {part!r}{twice}."
                mend = f"{near_miss(name, known)}--stop-when share=0.05"
                problems.append(Problem(what, f"NAME=WIDTH, NAME being once {' or '.join(WIDTHS)}", mend))
            said[name] = value
        if problems:
            raise PlanError(problems)
        widths = {name: _number(said[name]) for name in WIDTHS if name in said}
        return cls(**widths, estimand=said.get("estimand"))

    def __str__(self) -> str:
        said = {name: getattr(self, name) for name in (*WIDTHS, "estimand")}
        return ",".join(f"{name}={value}" for name, value in said.items() if value is not None)

    def _problems(self) -> Iterator[Problem]:
        if self.share is None and self.median is None:
            yield Problem("StopWhen() names no width.", "a width of the share, of the median, or both", _EXAMPLE)
        for name, most in (("share", 1.0), ("median", math.inf)):
            width = getattr(self, name)
            if width is not None and not (isinstance(width, int | float) and 0 < width < most):
                below = " and below 1" if name == "share" else ""
                yield Problem(f"StopWhen({name}={width!r}) is no width.", f"a number above 0{below}", _EXAMPLE)


def met(when: StopWhen, running: Running) -> str:
    """Why a sweep stops, in words that follow "stopped: "; empty where it goes on.

    It goes on while a sampling interval rests on fewer than FEWEST_BATCHES finished batches. Bounds by the worst case
    hold whenever they are looked at.
    """
    if not running.counts.unanswered or (running.interval == SAMPLING and running.batches < FEWEST_BATCHES):
        return ""
    share, median = running.share, running.median
    told = []
    if when.share is not None:
        if not share.width <= when.share:
            return ""
        ends = f"{percent(share.low)} to {percent(share.high)}"
        of = f"the share with the {running.claim}"
        told.append(f"{of} is known to {number(share.width)} ({ends}), {number(when.share)} was asked")
    if when.median is not None:
        if not median.width <= when.median:
            return ""
        ends = f"{number(median.low)} to {number(median.high)}"
        told.append(f"the median is known to {number(median.width)} ({ends}), {number(when.median)} was asked")
    sure = f"{LEVEL:.0%} confidence" if running.interval == SAMPLING else "whatever the missing universes say"
    return f"of {running.estimand!r} {' and '.join(told)} ({sure})"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

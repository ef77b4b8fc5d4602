"""Numbers on the command line, whose mistakes are told in words: click would speak of an `integer range`."""

from __future__ import annotations

import math
from typing import Any

import click


class WholeNumber(click.ParamType[int]):
    """A whole number that is at least `least`."""

    name = "whole number"

    def __init__(self, least: int = 1) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Fails as click does, and says what was expected."""
        try:
            number = int(value)
        except ValueError:
            number = self.least - 1
        if number < self.least:
            self.fail(f"{value!r} is not a whole number, {self.least} or more.", param, ctx)
        return number


class Number(click.ParamType[float]):
    """A finite number, above `above` and below `below`; `or_equal` lets it be `above` itself."""

    name = "number"

    def __init__(self, above: float = -math.inf, below: float = math.inf, *, or_equal: bool = False) -> None:
        self.above, self.below, self.or_equal = above, below, or_equal

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Fails as click does, and says what was expected."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (self.above < number < self.below or (self.or_equal and number == self.above)):
            self.fail(f"{value!r} is not a number{self._where()}.", param, ctx)
        return number

    def _where(self) -> str:
        least = f"{self.above:g} or more" if self.or_equal else f"above {self.above:g}"
        bounds = [least] * math.isfinite(self.above) + [f"below {self.below:g}"] * math.isfinite(self.below)
        return f" {' and '.join(bounds)}" if bounds else ""

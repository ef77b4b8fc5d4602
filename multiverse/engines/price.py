"""What an engine would cost for a program: what a forecast and the choice of engines are made from."""

from __future__ import annotations

from typing import NamedTuple


class Price(NamedTuple):
    """Seconds on one core, within a factor of about three.

    compile: tracing and compiling, once a program, with an empty cache. once: before the first universe of a program
    is answered, such as sampling anchors. universe: of each universe.
    """

    compile: float
    once: float
    universe: float

    def of(self, universes: int) -> float:
        """Seconds for so many universes of one program."""
        return self.compile + self.once + universes * self.universe

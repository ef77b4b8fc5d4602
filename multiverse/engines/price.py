"""What an engine would cost for a program: what a forecast and the choice of engines are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple


class Price(NamedTuple):
    """Seconds on one core, within a factor of about three.

    compile: tracing and compiling, once a program, with an empty cache. once: before the first universe of a program
    is answered, such as sampling anchors. universe: of each universe. shared: what programs have in common that pay
    `once` together, such as a network; empty where each pays for itself.
    """

    compile: float
    once: float
    universe: float
    shared: str = ""

    def of(self, universes: int) -> float:
        """Seconds for so many universes of one program."""
        return self.compile + self.once + universes * self.universe


def each_its_part(prices: Mapping[str, tuple[int, Price]]) -> dict[str, Price]:
    """By program id, prices in which each pays its part of what is shared, by its universes.

    prices: of all programs of a plan, with how many universes each has.
    """
    together: Counter[str] = Counter()
    for universes, price in prices.values():
        together[price.shared] += universes
    return {
        program: price._replace(once=price.once * (universes / together[price.shared])) if price.shared else price
        for program, (universes, price) in prices.items()
    }

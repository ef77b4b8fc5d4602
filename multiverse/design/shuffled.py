"""Numbers in random order, one at a time: a longer sample begins with the shorter one of the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator


def shuffled(size: int, source: random.Random) -> Iterator[int]:
    """0 to size - 1, each once, every order equally likely; memory and time go with how many are taken, not with size.

    Source: Fisher and Yates' shuffle (Durstenfeld 1964, CACM 7(7):420), of which only the moved places are held.
    """
    moved: dict[int, int] = {}
    for place in range(size):
        drawn = source.randrange(place, size)
        own = moved.pop(place, place)
        if drawn == place:
            yield own
        else:
            yield moved.get(drawn, drawn)
            moved[drawn] = own

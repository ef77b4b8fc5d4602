"""R's random permutations: `set.seed(seed)`, then `sample(n)`, as R has drawn them since version 3.6."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_WORD = 0xFFFFFFFF
_SCRAMBLES = 50  # steps of the congruential generator that R takes from the seed before it fills the state
_STATE = 624  # words of a Mersenne Twister
_TO_UNIT = 2.0**-32


def permutations(seed: int, count: int) -> Iterator[list[int]]:
    """An endless row of `sample(count)` after `set.seed(seed)`: each a list of 0 to count - 1 (R counts from 1).

    R's defaults: Mersenne-Twister, and indices by rejection (help page `?RNGkind`). For `set.seed(123); sample(10)` R
    prints 3 10 2 8 6 9 1 7 5 4.
    """
    word = seed & _WORD
    for _ in range(_SCRAMBLES):
        word = (69069 * word + 1) & _WORD
    words = []
    for _ in range(_STATE + 1):
        word = (69069 * word + 1) & _WORD
        words.append(word)
    twister = np.random.MT19937()
    key = np.array(words[1:], dtype=np.uint32)  # the first word is R's counter, which starts at the end of the state
    twister.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": _STATE}}
    while True:
        left = list(range(count))
        drawn = []
        while left:
            at = _below(twister, len(left))
            drawn.append(left[at])
            left[at] = left[-1]
            left.pop()
        yield drawn


def _below(twister: np.random.MT19937, bound: int) -> int:
    """An integer from 0 to bound - 1: as many random bits as it needs, again where they say too much."""
    bits = (bound - 1).bit_length()
    while True:
        value = 0
        for _ in range(bits // 16 + 1):
            value = (value << 16) + int(int(twister.random_raw()) * _TO_UNIT * 65536)
        if (value := value & ((1 << bits) - 1)) < bound:
            return value

"""How many draws of a universe a compiled program looks at together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

CHUNK_NUMBERS: Final = 1 << 18  # of the largest leaf, times the draws that are looked at together: stays in the cache


def chunk_size(leaves: Mapping[str, np.ndarray], draws: int, *, width: int = 1, most: int | None = None) -> int:
    """How many of so many draws: a divisor of their number, so that all chunks are one program.

    leaves: of one universe. width: how many times a draw looks at each number. most: draws together, at most.
    """
    largest = max((leaf.size for leaf in leaves.values()), default=1)
    fits = max(1, CHUNK_NUMBERS // (max(largest, 1) * width))
    return next(size for size in range(min(fits, draws, most or draws), 0, -1) if draws % size == 0)

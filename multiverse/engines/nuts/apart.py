"""Chains that stay apart: each mixes well by itself, and none ever has a value that the others have. Separate modes.

Running longer does not bring them together; new chains may all end in one mode by chance, and then look as if all were
well. So no further attempt is made where chains were seen apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from multiverse.engines.diagnostics import MIN_DRAWS, Floats, rhat

MIXES_MAX: Final = 1.1  # split R-hat of one chain: a chain on its way, or stuck in a funnel's neck, has far more


def groups_apart(draws: Floats) -> int:
    """Into how many groups of chains without a common value the draws (chain, draw) of a scalar fall; 1 for together.

    0 where that cannot be told: some chain does not mix by itself, or draws are not finite.
    """
    if not np.isfinite(draws).all() or draws.shape[1] < 2 * MIN_DRAWS:
        return 0
    half = draws.shape[1] // 2
    alone = rhat(np.stack([draws[:, :half], draws[:, -half:]], axis=1))  # each chain as two
    if not (alone < MIXES_MAX).all():
        return 0
    ordered = draws[np.argsort(draws.mean(axis=1))]
    highest = np.maximum.accumulate(ordered.max(axis=1))[:-1]
    lowest = np.minimum.accumulate(ordered.min(axis=1)[::-1])[::-1][1:]
    return 1 + int((highest < lowest).sum())

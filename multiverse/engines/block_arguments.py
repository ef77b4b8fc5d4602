"""What a compiled block is called with: universes that fill it, their random words and their leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.identity.keys import rng_words


class BlockArguments(NamedTuple):
    """Of each universe of a whole block: its key, its random words (universe, 2), its leaves by path."""

    keys: list[str]
    words: np.ndarray
    leaves: dict[str, np.ndarray]


def block_arguments(batch: Batch, keys: Sequence[str], *, seed: int, dtype: str) -> BlockArguments:
    """The arguments of one block, filled up with the first of these universes: a short block has other bits."""
    filled = [*keys, *[keys[0]] * (batch.block - len(keys))]
    words = np.array([rng_words(seed, key, batch.attempt) for key in filled], np.uint32)
    return BlockArguments(filled, words, batch.program.gather(filled, dtype))

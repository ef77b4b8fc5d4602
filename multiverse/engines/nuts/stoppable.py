"""A compiled block of universes that can be stopped: it runs in stretches, with a look at the clock between them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from multiverse.engines.nuts.block import BlockFunctions, LaneDraws
from multiverse.planning.tracing import PLAIN_COMPILE, QUICK_COMPILE, compiled

LOOK_SECONDS = 0.25  # between looks at the clock, roughly: short against a person's patience
FIRST_LOOK = 16  # transitions before the first look: few, since the first ones of a chain may take the longest
GROWTH = 4  # of a stretch that was short: a call costs a millisecond, and a small block takes fifty in all


class Sampled(NamedTuple):
    """The draws of a block, None where it was stopped; how long it took, how many of its transitions it made."""

    draws: LaneDraws | None
    seconds: float
    transitions: int


@dataclass(frozen=True)
class StoppableBlock:
    """The steps of a block, compiled for arguments of one shape on one device."""

    begin: Any
    advance: Any
    finish: Any
    transitions: int  # of each chain, warm-up included

    def __call__(self, words: np.ndarray, leaves: Mapping[str, np.ndarray], limit: float | None) -> Sampled:
        """Sample a block; given up where it is not finished after `limit` seconds. NumPy arrays, as `LaneDraws`."""
        import jax

        began = looked = time.perf_counter()
        carry = self.begin(words, leaves)
        done, stretch = 0, FIRST_LOOK
        while done < self.transitions:
            to = min(done + stretch, self.transitions)
            carry = self.advance(leaves, carry, np.int32(done), np.int32(to))
            carry.started.block_until_ready()
            done, now = to, time.perf_counter()
            if limit is not None and now - began > limit and done < self.transitions:
                return Sampled(None, now - began, done)
            took, looked = now - looked, now
            if took < LOOK_SECONDS / GROWTH:
                stretch *= GROWTH
            elif took > LOOK_SECONDS:
                stretch = max(1, stretch // 2)
        draws = jax.tree.map(np.asarray, self.finish(leaves, carry))
        return Sampled(draws, time.perf_counter() - began, done)


def compile_block(
    functions: BlockFunctions, words: np.ndarray, leaves: Mapping[str, np.ndarray], transitions: int
) -> StoppableBlock:
    """The block compiled for arguments of these shapes, on this thread's default device."""
    begin = compiled(functions.begin, words, leaves, options=QUICK_COMPILE)
    at = np.int32(0)
    # What it was given is not donated: on a CPU that makes small transitions half as slow again.
    advance = compiled(functions.advance, leaves, begin.out_info, at, at)
    finish = compiled(functions.finish, leaves, begin.out_info, options=PLAIN_COMPILE)
    return StoppableBlock(begin, advance, finish, transitions)

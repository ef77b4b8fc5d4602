"""How long a plan will take: a short pilot times gradients, the rest is arithmetic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiverse.planning.density import potential
from multiverse.planning.program import Program
from multiverse.planning.tracing import compiled

PILOT_PROGRAMS = 3  # the largest ones; the others are taken to cost the same per universe
PILOT_UNIVERSES = 16  # lanes in a pilot's block
PILOT_SECONDS = 0.2  # a program, after compilation
GRADIENTS_PER_DRAW = 14.0  # mean leapfrogs of a draw, warm-up included: 7 (regression) to 20 (hierarchical), measured
LOCKSTEP = (
    2.0  # a block waits for its longest tree, and the kernel keeps books: measured 1.8 to 2.4 of the mean gradients
)
COMPILE_SECONDS = 6.0  # trace and compile one NUTS program on one core, measured 4 to 9
COMPILE_FUNCTION_SECONDS = 0.5  # trace and compile one small function for a block, measured 0.2 to 1
TRACED_SECONDS = 1e-3  # of one universe of a compiled function; measured 0.01 to 1 ms, and never the price that counts
START_SECONDS = 3.0  # until the processes that call a function have imported what it needs


@dataclass(frozen=True)
class Forecast:
    """What a sweep will cost, within a factor of about three.

    compile_seconds: of all programs, on one core; of functions that are not compiled, starting their processes.
    universe_seconds: mean time of one universe on one core. workers: how many run side by side. draws: chains x
    (warm-up + draws) that were assumed.
    """

    compile_seconds: float
    universe_seconds: float
    universes: int
    workers: int
    draws: int

    @property
    def seconds(self) -> float:
        """Wall time of the whole sweep."""
        return (self.compile_seconds + self.universe_seconds * self.universes) / self.workers


def pilot(programs: Sequence[Program], universes: int, workers: int, draws: int) -> Forecast:
    """Time the gradient of the largest programs and forecast the sweep; samples nothing.

    draws: how many draws a universe takes in all, over chains, warm-up included.
    """
    if any(program.kind != "model" for program in programs):
        return _of_functions(programs, universes, workers)
    chosen = sorted(programs, key=lambda p: -len(p.members))[:PILOT_PROGRAMS]
    seconds = [_gradient_seconds(program) for program in chosen]
    weights = [len(program.members) for program in chosen]
    gradient = float(np.average(seconds, weights=weights))
    return Forecast(
        compile_seconds=COMPILE_SECONDS * len(programs),
        universe_seconds=gradient * draws * GRADIENTS_PER_DRAW * LOCKSTEP,
        universes=universes,
        workers=workers,
        draws=draws,
    )


def _of_functions(programs: Sequence[Program], universes: int, workers: int) -> Forecast:
    """What was seen when the functions were tried, universe by universe."""
    traced = [program for program in programs if program.kind == "traced"]
    members = sum(len(program.members) for program in programs)
    seconds = sum(len(p.members) * (p.seconds if p.kind == "plain" else TRACED_SECONDS) for p in programs)
    started = START_SECONDS * workers if len(traced) < len(programs) else 0.0
    return Forecast(
        compile_seconds=started + COMPILE_FUNCTION_SECONDS * len(traced),
        universe_seconds=seconds / max(members, 1),
        universes=universes,
        workers=workers,
        draws=0,
    )


def _gradient_seconds(program: Program) -> float:
    """Seconds of one value and gradient of one lane, in a full block."""
    import jax

    keys = (list(program.members) * PILOT_UNIVERSES)[:PILOT_UNIVERSES]
    leaves = program.gather(keys, "float32")
    density = potential(program.signature, program.sites)

    # Twenty steps in one call: a call alone would time its own dispatch.
    def walk(leaves: Any, z: Any) -> Any:
        def step(_: int, at: Any) -> Any:
            return at - 1e-6 * jax.grad(lambda x: density(leaves, x))(at)

        return jax.lax.fori_loop(0, 20, step, z)

    start = np.zeros((PILOT_UNIVERSES, program.sites.dimension), np.float32)
    run = compiled(jax.vmap(walk), leaves, start)
    run(leaves, start).block_until_ready()
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < PILOT_SECONDS:
        run(leaves, start).block_until_ready()
        calls += 1
    return (time.perf_counter() - began) / calls / 20 / PILOT_UNIVERSES

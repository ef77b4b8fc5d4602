"""What a gradient of each program costs here: the largest programs are timed, the others are like their nearest."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from multiverse.planning.density import potential
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.tracing import compiled
from multiverse.progress import Progress

PILOT_PROGRAMS: Final = 3  # the largest ones
PILOT_UNIVERSES: Final = 16  # lanes in a pilot's block
PILOT_STEPS: Final = 20  # in one call: a call alone would time its own dispatch
PILOT_SECONDS: Final = 0.1  # a program, after compilation


def timed(plan: Plan, progress: Progress) -> Plan:
    """The plan with what a gradient of each of its programs costs here; as its forecast knows it, or timed now."""
    known = {**(plan.forecast.gradients if plan.forecast else {}), **plan.gradients}
    missing = [program for program in plan.programs if program.kind == "model" and program.id not in known]
    if missing:
        with progress("timing gradients", len(missing), "programs") as advance:
            known |= gradient_seconds(missing)
            advance(len(missing))
    return replace(plan, gradients=known)


def gradient_seconds(programs: Sequence[Program]) -> dict[str, float]:
    """Seconds of one value and gradient of one lane in a full block, on one core, by program id; samples nothing.

    Timed for the `PILOT_PROGRAMS` models with most universes; another one gets those of the timed one that is nearest
    in size, by its latents and the numbers of its data. Programs that are no model are left out.
    """
    models = [program for program in programs if program.kind == "model"]
    largest = sorted(models, key=lambda program: (-len(program.members), program.id))[:PILOT_PROGRAMS]
    timed = {program.id: _timed(program) for program in largest}
    return {
        program.id: timed[min(largest, key=lambda other: (program.id != other.id, _apart(program, other))).id]
        for program in models
    }


def _timed(program: Program) -> float:
    import jax

    keys = (list(program.members) * PILOT_UNIVERSES)[:PILOT_UNIVERSES]
    leaves = program.gather(keys, "float32")
    density = potential(program.signature, program.sites)

    def walk(leaves: Any, z: Any) -> Any:
        def step(_: int, at: Any) -> Any:
            return at - 1e-6 * jax.grad(lambda x: density(leaves, x))(at)

        return jax.lax.fori_loop(0, PILOT_STEPS, step, z)

    start = np.zeros((PILOT_UNIVERSES, program.sites.dimension), np.float32)
    run = compiled(jax.vmap(walk), leaves, start)
    run(leaves, start).block_until_ready()
    best, end = math.inf, time.perf_counter() + PILOT_SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        run(leaves, start).block_until_ready()
        best = min(best, time.perf_counter() - began)  # the least: others may work on this machine
    return best / PILOT_STEPS / PILOT_UNIVERSES


def _apart(one: Program, other: Program) -> float:
    """How many times larger one program is than another, as a logarithm."""
    return sum(abs(math.log(a / b)) for a, b in zip(_size(one), _size(other), strict=True))


def _size(program: Program) -> tuple[int, int]:
    numbers = sum(array.size for array in next(iter(program.datasets.values())).values())
    return 1 + program.sites.dimension, 1 + numbers

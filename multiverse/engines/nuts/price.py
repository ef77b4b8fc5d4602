"""What a universe costs by NUTS, from what one gradient costs."""

from __future__ import annotations

from typing import Final

from multiverse.engines.price import Price
from multiverse.planning.program import Program

COMPILE_SECONDS: Final = 6.0  # trace and compile one program on one core, measured 4 to 9
GRADIENTS_PER_DRAW: Final = 14.0  # mean leapfrogs, warm-up included: 7 (regression) to 20 (hierarchical), measured
LOCKSTEP: Final = 2.0  # a block waits for its longest tree, the kernel keeps books: 1.8 to 2.4 of the mean, measured
STEP_SECONDS: Final = 1e-6  # of a leapfrog beside its gradients: 1.6e-6 in CPU time on models of 1 and 10 latents


def nuts_price(program: Program, gradient: float, *, transitions: int) -> Price | None:
    """The price of a program whose universes take so many transitions, over all chains and warm-up; None if no model.

    gradient: seconds of one value and gradient of one lane in a full block.
    """
    if program.kind != "model":
        return None
    step = gradient * LOCKSTEP + STEP_SECONDS
    return Price(COMPILE_SECONDS, 0.0, transitions * GRADIENTS_PER_DRAW * step)

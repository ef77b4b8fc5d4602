"""What a universe costs by nested Laplace approximation, from what one gradient costs.

The numbers were measured on radon (90 latents, 919 rows) and eight schools with t effects (10 latents), in CPU time.
"""

from __future__ import annotations

import math
from typing import Final

from multiverse.engines.price import Price
from multiverse.planning.hierarchy import BLOCK_MAX, NoHierarchy, split
from multiverse.planning.program import Program

COMPILE_SECONDS: Final = 5.0  # of the probe and two programs, tracing included: 2.5 to 5.5
STEPS: Final = 9  # of Newton's method on the marginal: 5 to 10
POINT_GRADIENTS: Final = 10.0  # gradients that the marginal's gradient costs at a point, if locals are independent,
POINT_SECONDS: Final = 2e-5  # and seconds beside them
DRAW_GRADIENTS: Final = 5.0  # gradients that a draw costs: one or two looks at the locals, and two log joints,
DRAW_SECONDS: Final = 5e-6  # and seconds beside them: noise, weights, estimates
AGAIN: Final = 1.5  # times the draws, since some universes are tried with heavier tails and thrice the draws


def nested_price(program: Program, gradient: float, *, draws: int, starts: int) -> Price | None:
    """The price of a program; None where it has no hierarchy. Whether locals are independent is guessed from plates."""
    found = split(program.sites)
    if isinstance(found, NoHierarchy):
        return None
    _, count = found
    look = gradient * (1 + _width(program)) / 2  # a Hessian of blocks takes a product for each number of a block
    search = starts * STEPS * (1 + count) * (POINT_GRADIENTS * look + POINT_SECONDS)
    return Price(COMPILE_SECONDS, 0.0, search + AGAIN * draws * (DRAW_GRADIENTS * look + DRAW_SECONDS))


def _width(program: Program) -> int:
    """How many locals hang together, at a guess: those at one place of a plate, or all of several plates."""
    inside = [latent for latent in program.sites.latents if latent.is_local]
    sizes = [math.prod(latent.free_shape) for latent in inside]
    several = len({latent.plates for latent in inside}) > 1
    return min(BLOCK_MAX, sum(sizes) if several else round(sum(sizes) / max(sizes)))

"""What a universe costs by Laplace's approximation, from what one gradient costs.

The numbers were measured on the 1,000 regressions (6 latents, 100 rows), the sleep study of `multiverse init` (14
latents, 20 rows) and radon (90 latents, 919 rows), in CPU time on one core.
"""

from __future__ import annotations

from typing import Final

from multiverse.engines.price import Price
from multiverse.planning.program import Program

COMPILE_SECONDS: Final = 3.0  # of derivatives and draws, tracing included: 2.4 to 3.2
STEPS: Final = 16  # of Newton's method that a block makes until its slowest start is there: 13 to 21
DIRECTION: Final = 1.3  # gradients that a column of the Hessian costs: 1.05 to 1.4,
DIRECTION_LARGE: Final = 8.0  # and 9.7 where the block does not fit into a cache
CACHE_NUMBERS: Final = 1 << 22  # 32 MiB in float64
STEP_SECONDS: Final = 5e-6  # of a start beside its Hessian: 5 to 9 microseconds,
EIGEN_SECONDS: Final = 3.5e-9  # and of its eigenvectors, times the cube of the latents
DRAW_SECONDS: Final = 1e-6  # of a draw beside its log joint: 0.9 to 1.1 microseconds,
ROOT_SECONDS: Final = 1e-9  # and of its coordinates, times the square of the latents
LOG_JOINT: Final = 1 / 3  # gradients that a log joint costs
JUDGE_SECONDS: Final = 5e-7  # of a draw, for smoothing its weight and the estimates: 0.1 to 0.5 ms a thousand


def laplace_price(program: Program, gradient: float, *, draws: int, starts: int, block: int) -> Price:
    """The price of a program; block: how many universes are fitted together."""
    latents = program.sites.dimension
    numbers = max((array.size for array in next(iter(program.datasets.values())).values()), default=1)
    cached = block * starts * latents * numbers <= CACHE_NUMBERS
    hessian = gradient * latents * (DIRECTION if cached else DIRECTION_LARGE)
    step = hessian + STEP_SECONDS + EIGEN_SECONDS * latents**3
    draw = gradient * LOG_JOINT + DRAW_SECONDS + ROOT_SECONDS * latents**2 + JUDGE_SECONDS
    return Price(COMPILE_SECONDS, 0.0, starts * STEPS * step + draws * draw)

"""What a network costs: most of it before the first answer."""

from __future__ import annotations

from typing import Final

from multiverse.engines.amortized.family import families
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.price import Price
from multiverse.planning.program import Program

TRAINING_COMPILE_SECONDS: Final = 20.0  # of training (16) and scales, once a network; docs/adr/0019-amortized.md
COMPILE_SECONDS: Final = 10.0  # of draws (7) and distances, once a program; measured there too
STEP_SECONDS: Final = 4e-3  # of a step of 256 simulations without their density: the network alone
TUNED: Final = 1.9  # times a step, where it looks at universes too; measured there
SIMULATION: Final = 1.0  # gradients that a simulation costs
LOG_JOINT: Final = 1 / 3  # gradients that a log joint costs
DRAW_SECONDS: Final = 4e-6  # of a draw by the network, with its density and its weight


def amortized_price(
    program: Program, gradient: float, *, draws: int, training: Schedule, members: int, tuned: bool = True
) -> Price | None:
    """What a program costs; its training is that of its family. gradient: seconds of a value and gradient of a lane.

    tuned: as `families` has it. None where no network can learn the program.
    """
    found, _ = families([program], tuned=tuned) if program.kind == "model" else ([], {})
    if not found:
        return None
    more = (1 + members) / 2  # an ensemble shares simulations, and one loop: five cost three times one
    step = (more * STEP_SECONDS + training.batch * SIMULATION * gradient) * (TUNED if tuned else 1)
    universe = draws * (more * DRAW_SECONDS + LOG_JOINT * gradient)
    return Price(COMPILE_SECONDS, TRAINING_COMPILE_SECONDS + training.steps * step, universe, found[0].latents)

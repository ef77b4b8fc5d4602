"""The ladder: how a universe that fails the gate is tried again, rung by rung, before it is reported red.

Attempt 1 has the engine's own settings, attempt 2 the first rung, and so on; a universe that is put back after all of
them begins anew, with settings as they are, under the next number. A rung that does not apply is skipped, so attempts
may have gaps. Each attempt has randomness of its own, folded in from its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from multiverse.engines.outcome import Reason
from multiverse.errors import PlanError, Problem, near_miss

SAMPLING: Final = ("rhat", "ess", "divergences", "ebfmi", "stuck")  # reasons that other settings may mend
FITTING: Final = ("mode", "modes", "curvature", "not_finite")  # reasons why chains cannot start from an approximation


@dataclass(frozen=True)
class Rung:
    """What one further attempt changes; part of the run id.

    name: for people, as in the report of a run. warmup: so many times the engine's warm-up. longer: chains draw so many
    times as long, and keep each so-many-th draw, so that all universes have equally many. target_accept: at least this.
    noncentered: sites of a location-scale family whose distribution hangs on other latents are sampled without their
    location and scale (`planning.noncentered`); where there is none, the rung is skipped. reasons: which failures it is
    for, by name.

    Raises PlanError for settings that no rung can have.
    """

    name: str
    warmup: int = 1
    longer: int = 1
    target_accept: float = 0.0
    noncentered: bool = False
    reasons: tuple[str, ...] = SAMPLING

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_accept", float(self.target_accept))
        object.__setattr__(self, "reasons", tuple(self.reasons))
        problems = [
            Problem(
                f"the rung {self.name!r} has {name}={value!r}.", "a whole number, at least 1", f"Rung(..., {name}=2)"
            )
            for name, value in (("warmup", self.warmup), ("longer", self.longer))
            if not (isinstance(value, int) and value >= 1)
        ]
        if not 0 <= self.target_accept < 1:
            problems.append(
                Problem(
                    f"the rung {self.name!r} has target_accept={self.target_accept!r}.",
                    "a probability below 1; 0 leaves the engine's",
                    "Rung(..., target_accept=0.95)",
                )
            )
        problems += [
            Problem(
                f"the rung {self.name!r} is for the reason {reason!r}, which it cannot mend.",
                f"some of {', '.join(SAMPLING)}",
                f"{near_miss(str(reason), SAMPLING)}Rung(..., reasons=('divergences',))",
            )
            for reason in self.reasons
            if reason not in (*SAMPLING, *FITTING)
        ]
        if problems:
            raise PlanError(problems)


TARGET_ACCEPT: Final = 0.95  # rstanarm's manual of adapt_delta: its default, as hierarchies need more than 0.8 ...
TARGET_ACCEPT_LAST: Final = 0.99  # ... and the step after it, "from 0.95 to 0.99"
TIMES_LONGER: Final = 2  # Stan's guide to warnings, R-hat and ESS: run longer; what doubling does not mend is not slow

# Betancourt & Girolami 2015, arXiv:1312.0906: the funnel of a centered hierarchy wants other coordinates, not patience.
# Measured on eight schools, centered, 40 widths of the prior, each red for R-hat at first: 39 were green on the first
# rung, at a third of the first attempt's cost; running longer as written made none green, at four times that cost.
LADDER: Final[tuple[Rung, ...]] = (
    Rung("non-centered", target_accept=TARGET_ACCEPT, noncentered=True),
    Rung(
        "non-centered, longer",
        warmup=TIMES_LONGER,
        longer=TIMES_LONGER,
        target_accept=TARGET_ACCEPT_LAST,
        noncentered=True,
    ),
    Rung("longer", warmup=TIMES_LONGER, longer=TIMES_LONGER, target_accept=TARGET_ACCEPT),
)


def rung_of(ladder: Sequence[Rung], attempt: int) -> Rung | None:
    """The rung on which an attempt stands; None for one with the engine's own settings."""
    at = (attempt - 1) % (len(ladder) + 1)
    return ladder[at - 1] if at else None


def next_attempt(ladder: Sequence[Rung], attempt: int, reason: Reason, movable: Callable[[], bool]) -> int | None:
    """The number of the attempt after one that failed for this reason; None where no rung is left for it.

    movable: whether the program has sites to non-center.
    """
    at = (attempt - 1) % (len(ladder) + 1)
    for further, rung in enumerate(ladder[at:], start=1):
        if reason.name in rung.reasons and (not rung.noncentered or movable()):
            return attempt + further
    return None


def next_climb(ladder: Sequence[Rung], attempt: int) -> int:
    """The number of the first attempt of another climb, after this one."""
    rungs = len(ladder) + 1
    return attempt - (attempt - 1) % rungs + rungs

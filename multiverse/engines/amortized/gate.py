"""When an answer of a network may be trusted: what its weights have to pass, and its data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from multiverse.engines.gate import WeightsGate
from multiverse.errors import PlanError, Problem

DISTANCE_LEVEL: Final = (
    0.01  # p-value; Li et al. 2024, Amortized Bayesian workflow, arXiv:2409.04332, take 0.05 or 0.01
)


@dataclass(frozen=True)
class NetworkGate(WeightsGate):
    """The bounds of `WeightsGate`, and for the data.

    distance_level: the data have to be as near to those that the universe simulates as this share of these; 0 switches
    the check off. Raises PlanError for a bound that no universe can keep.
    """

    distance_level: float = DISTANCE_LEVEL

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.distance_level < 1:
            raise PlanError(
                Problem(
                    f"the gate has distance_level={self.distance_level:g}, which no universe can pass",
                    "a share, at least 0 and less than 1",
                    f"NetworkGate(distance_level={DISTANCE_LEVEL})",
                )
            )

    def too_far(self, p_value: float, simulated: int) -> str:
        """What to say of data whose distance has this p-value, of so many simulated data sets; empty if near enough."""
        if not self.distance_level or p_value > self.distance_level:
            return ""
        far = math.floor(p_value * (simulated + 1) + 0.5) - 1
        return (
            f"of {simulated} data sets simulated under this universe, {far or 'none'} "
            f"{'are' if far != 1 else 'is'} as far from the others as the data: p-value {p_value:.3g}, at most "
            f"{self.distance_level:g}"
        )


"""When an answer of a network may be trusted: what its weights have to pass, and its data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from multiverse.engines.amortized.distance import SIMULATED
from multiverse.engines.gate import SOURCES as GATE_SOURCES
from multiverse.engines.gate import Verdict, WeightsGate
from multiverse.engines.outcome import Reason
from multiverse.errors import PlanError, Problem

CALIBRATION_LEVEL: Final = 0.01  # p-value; of a hundred calibrated networks one is refused
DISAGREEMENT_MAX: Final = 0.25  # sd between networks, in posterior sds: the mean of three is then known to 0.14 of them
DISTANCE_LEVEL: Final = (
    0.01  # p-value; Li et al. 2024, Amortized Bayesian workflow, arXiv:2409.04332, take 0.05 or 0.01
)

SOURCES: Final[Mapping[str, str]] = MappingProxyType(  # field of the gate -> where its default comes from
    {
        "khat_max": GATE_SOURCES["khat_max"],
        "ess_min": GATE_SOURCES["ess_min"],
        "distance_level": "Li et al. 2024, Amortized Bayesian workflow, arXiv:2409.04332, who take 0.05 or 0.01",
        "calibration_level": "Talts et al. 2018, arXiv:1804.06788; a right network is refused 1 time in 100",
        "disagreement_max": (
            "Lakshminarayanan, Pritzel, Blundell 2017, arXiv:1612.01474; the bound is ours: the mean of three networks "
            "is then known to 0.14 posterior sds"
        ),
    }
)


@dataclass(frozen=True)
class NetworkGate(WeightsGate):
    """The bounds of `WeightsGate`, and for the data.

    distance_level: the data have to be as near to those that the universe simulates as this share of these; 0 switches
    the check off. Where there is no density, and so no weights: calibration_level: what a test that the network is
    calibrated on simulations has to be above; disagreement_max: how far networks of the ensemble may disagree.
    Raises PlanError for a bound that no universe can keep.
    """

    distance_level: float = DISTANCE_LEVEL
    calibration_level: float = CALIBRATION_LEVEL
    disagreement_max: float = DISAGREEMENT_MAX

    def __post_init__(self) -> None:
        super().__post_init__()
        least = 1 / (1 + SIMULATED)
        if not (self.distance_level == 0 or least <= self.distance_level < 1):
            never = 0 < self.distance_level < least
            why = f"p-values of {SIMULATED} simulated data sets never reach" if never else "no universe can pass"
            raise PlanError(
                Problem(
                    f"the gate has distance_level={self.distance_level:g}, which {why}",
                    f"a share, at least 1 / {1 + SIMULATED} and less than 1; or 0, which switches the check off",
                    f"NetworkGate(distance_level={DISTANCE_LEVEL})",
                )
            )

    def unverified(self, calibration_p: float, disagreement: float) -> Verdict:
        """What to say of an answer that no density vouches for: what the other gates find. NaN never passes."""
        if not calibration_p > self.calibration_level:
            why = f"ranks of true parameters among draws of the network are not uniform: p-value {calibration_p:.3g}"
            return Verdict(Reason.calibration, f"{why}, at most {self.calibration_level:g}")
        if not disagreement <= self.disagreement_max:
            why = f"networks of the ensemble disagree by {disagreement:.3g} posterior sds"
            return Verdict(Reason.disagreement, f"{why}, above {self.disagreement_max:g}")
        return Verdict(Reason.ok, "")

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

"""What two sensitivities say of a posterior: does its prior matter, and does it agree with the data?"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np

from multiverse.engines.gate import WeightsGate
from multiverse.power_scaling.sensitivity import Moved

THRESHOLD: Final = 0.05  # Kallioinen et al. 2024, Statistics and Computing 34:57; priorsense's and ArviZ's default
NOISE_TIMES: Final = 2.0  # of draws that know nothing of the density, 99 % lie below (6,000 simulations: 1.9 to 2.2)


class Diagnosis(StrEnum):
    """What is said of a universe, the gravest first."""

    conflict = "prior-data conflict"  # prior and likelihood both move the posterior: they pull apart, or both inform
    weak = "weak likelihood"  # the prior moves it, the likelihood hardly does
    fine = "-"  # the prior hardly moves it
    unknown = "cannot be told"


def diagnose(prior: Moved, likelihood: Moved, draws: int, threshold: float = THRESHOLD) -> np.ndarray:
    """(n,) of `Diagnosis`, of sensitivities that rest on so many draws.

    A sensitivity counts as large from the threshold on, if it is more than noise too. One that noise alone may have
    lifted over the threshold, one whose weights cannot be relied on (k-hat), and one that is NaN cannot be told.
    """
    bound = WeightsGate().khat_bound(draws)
    large, small = zip(*(_sides(moved, threshold, bound) for moved in (prior, likelihood)), strict=True)
    found = np.empty(prior.sensitivity.shape, dtype=object)
    found[:] = Diagnosis.unknown
    found[large[0] & large[1]] = Diagnosis.conflict
    found[large[0] & small[1]] = Diagnosis.weak
    found[small[0]] = Diagnosis.fine  # whatever the likelihood does
    return found


def _sides(moved: Moved, threshold: float, khat_bound: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a sensitivity is large for sure, and where it is not; neither where that cannot be told."""
    relied = np.isnan(moved.khat) | (moved.khat < khat_bound)
    above = moved.sensitivity >= threshold
    return relied & above & (moved.sensitivity >= NOISE_TIMES * moved.noise), relied & (moved.sensitivity < threshold)

"""Simulations of a conjugate model, whose posterior is exact or broken on purpose; nothing is compiled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from multiverse.calibration.simulations import Simulations

NOISE = {"small": 0.5, "large": 2.0}
PRIOR_SD = 1.0


@pytest.fixture(scope="session")
def simulated() -> Callable[..., Simulations]:
    """theta ~ N(0, 1), y ~ N(theta, noise); the posterior with its sd times `narrow` and its mean moved by `shift` sds.

    only: the option that is broken; None for all. red: share of answers that fail the gate.
    """

    def make(
        n: int = 300,
        *,
        narrow: float = 1.0,
        shift: float = 0.0,
        only: str | None = None,
        red: float = 0.0,
        seed: int = 0,
        answers: str = "exact",
    ) -> Simulations:
        rng = np.random.default_rng(seed)
        option = np.array(list(NOISE))[np.arange(n) % 2]
        noise = np.array([NOISE[name] for name in option])
        theta = rng.normal(size=n)
        y = rng.normal(theta, noise)
        variance = 1 / (1 / PRIOR_SD**2 + 1 / noise**2)
        broken = np.ones(n, bool) if only is None else option == only
        sd = np.sqrt(variance)
        mean = variance * y / noise**2 + np.where(broken, shift * sd, 0.0)
        sd = np.where(broken, narrow * sd, sd)
        ok = rng.uniform(size=n) >= red
        table = pd.DataFrame(
            {
                "answers": answers,
                "key": [f"k{i:05d}" for i in range(n)],
                "universe": option,
                "number": np.arange(n) // 2,
                "ok": ok,
                "reason": np.where(ok, "", "khat"),
                "engine": "exact",
                "quantity": "theta",
                "kind": "estimand",
                "truth": theta,
                "place": norm.cdf(theta, mean, sd),
                "ess": 1000.0,
                "mean": mean,
                "sd": sd,
                "prior_mean": 0.0,
                "prior_sd": PRIOR_SD,
                "noise": option,
            }
        )
        return Simulations(table, {"noise": tuple(NOISE)}, ("theta",), {})

    return make

"""Gaussian linear: the mean of a normal with known variance, in ten dimensions; as a simulator and as a NumPyro model.

Task T.1 of Lueckmann, Boelts, Greenberg, Gonçalves, Macke 2021, AISTATS, arXiv:2101.04653. Prior and noise have the
covariance 0.1 I: what its code calls a scale of 0.1 is a variance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist

DIMENSION: Final = 10
VARIANCE: Final = 0.1  # of the prior and of the noise
SD: Final = float(np.sqrt(VARIANCE))

PRIOR: Final = {"theta": dist.Normal(0, SD).expand([DIMENSION]).to_event(1)}


def simulate(key: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with noise: `x`, (10,)."""
    return {"x": parameters["theta"] + SD * jax.random.normal(key, (DIMENSION,))}


def model(data: Mapping[str, Any]) -> None:
    theta = numpyro.sample("theta", PRIOR["theta"])
    numpyro.sample("x", dist.Normal(theta, SD).to_event(1), obs=data["x"])


def reference(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (count, 10) from the exact posterior given x (10,): a normal with mean x / 2 and half the variance."""
    return rng.normal(x / 2, np.sqrt(VARIANCE / 2), (count, DIMENSION))

"""200 universes of the eight schools: how far effects may spread, how heavy their tails are, how the model is written.

The prior scales of the spread go over two decades: from 0.5, where all schools are one, to 50, where each stands for
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer.reparam import LocScaleReparam
from schools import EFFECT, ERROR

import multiverse as mv

SPREADS = tuple(float(scale) for scale in np.geomspace(0.5, 50, 10).round(2))
DEGREES = (2.5, 4.0, 8.0, 15.0, 30.0)
CENTERS = (5.0, 20.0)


def model(data: Mapping[str, Any], *, spread: float, degrees: float, center: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, center))
    tau = numpyro.sample("tau", dist.HalfNormal(spread))
    with numpyro.plate("schools", len(EFFECT)):
        theta = numpyro.sample("theta", dist.StudentT(degrees, mu, tau))
        numpyro.sample("y", dist.Normal(theta, data["error"]), obs=data["effect"])


def school(j: int) -> Callable[[Mapping[str, Any]], Any]:
    return lambda draws: draws["theta"][:, j]


study = mv.Study(
    name="eight schools of a kind",
    data={"effect": EFFECT, "error": ERROR},
    model=model,
    estimands={"mu": "mu", "tau": "tau", **{f"theta {j}": school(j) for j in range(len(EFFECT))}},
    space=mv.Space(
        spread=mv.prior({str(scale): scale for scale in SPREADS}),
        degrees=mv.prior({str(df): df for df in DEGREES}),
        center=mv.prior({str(scale): scale for scale in CENTERS}),
        geometry=mv.parameterization(
            {"centered": {}, "non-centered": {"theta": LocScaleReparam(0, shape_params=["df"])}}
        ),
    ),
)

"""Coaching in eight schools, analysed 648 ways: which schools, which priors, how heavy the tails, how it is written.

Rubin 1981, Journal of Educational Statistics 6(4), doi:10.3102/10769986006004377: effects of coaching on a test score,
estimated in eight schools, and their standard errors, in points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv

SCHOOLS = {
    "effect": np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]),
    "error": np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]),
    "school": np.arange(8),
}
NAMES = "ABCDEFGH"


def prepare(raw: Mapping[str, np.ndarray], *, left_out: int | None) -> dict[str, np.ndarray]:
    kept = raw["school"] != left_out
    return {name: column[kept] for name, column in raw.items()}


def model(data: Mapping[str, Any], *, center: float, spread: float, tails: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, center))
    tau = numpyro.sample("tau", dist.HalfNormal(spread))
    with numpyro.plate("schools", 8):  # a school that is left out keeps an effect, which is then predicted
        theta = numpyro.sample("theta", dist.StudentT(tails, mu, tau))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(theta[data["school"]], data["error"]), obs=data["effect"])


study = mv.Study(
    name="eight schools, a multiverse",
    data=SCHOOLS,
    prepare=prepare,
    model=model,
    estimands={"mu": "mu", "tau": "tau", "school A": lambda draws, data: draws["theta"][:, 0]},
    space=mv.Space(
        left_out=mv.preprocessing({"none": None, **{name: j for j, name in enumerate(NAMES)}}),
        center=mv.prior({"weak": 20.0, "sceptical": 5.0, "vague": 100.0}, why={"sceptical": "coaching does little"}),
        spread=mv.prior({"5 points": 5.0, "2 points": 2.0, "15 points": 15.0, "50 points": 50.0}),
        tails=mv.prior({"near normal": 30.0, "heavy": 8.0, "very heavy": 3.0}),
        geometry=mv.parameterization(
            {"non-centered": {"theta": LocScaleReparam(0, shape_params=["df"])}, "centered": {}}
        ),
    ),
)

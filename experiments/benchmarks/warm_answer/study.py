"""Eight schools with t effects: a hierarchical model that Laplace's approximation mostly fails, in 36 universes."""

import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv

EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]) / 10  # Rubin 1981, in tens of points
ERROR = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]) / 10


def model(data, *, center, spread, degrees):
    mean = numpyro.sample("mean", dist.Normal(0.0, center))
    scale = numpyro.sample("scale", dist.HalfNormal(spread))
    with numpyro.plate("schools", 8):
        raw = numpyro.sample("raw", dist.StudentT(degrees, 0.0, 1.0))
        numpyro.sample("effect", dist.Normal(mean + scale * raw, data["error"]), obs=data["effect"])


study = mv.Study(
    "eight schools, streamed",
    data={"effect": EFFECT, "error": ERROR},
    model=model,
    estimands={"mean": "mean", "scale": "scale"},
    space=mv.Space(
        center=mv.prior({str(x): x for x in (0.5, 2.0, 5.0, 10.0)}),
        spread=mv.prior({str(x): x for x in (0.5, 2.0, 5.0)}),
        degrees=mv.prior({str(x): x for x in (4.0, 10.0, 30.0)}),
    ),
)
engine = mv.Amortized(seed=1)

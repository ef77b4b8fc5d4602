"""The Minnesota radon study: how much higher is log radon where the detector stood in the basement?

919 homes in 85 counties (Price, Nero & Gelman 1996; Gelman & Hill 2007, chapter 12). Every choice below has been made
by somebody: the first option of each decision is the published analysis.
"""

from pathlib import Path

import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv


def load():
    return pd.read_csv(Path(__file__).parent / "data" / "radon.csv", dtype={"county": "category"})


# ------------------------------------------------------------------------------------------------- preprocessing
def keep_counties(raw, *, counties):
    size = raw.groupby("county", observed=True).county.transform("size")
    return raw[size >= counties]


def take_logs(homes, *, zeros):
    """Three detectors read zero, which has no logarithm."""
    if zeros is None:
        homes = homes[homes.activity > 0]
        return homes.assign(log_radon=np.log(homes.activity))
    return homes.assign(log_radon=np.log(np.where(homes.activity > 0, homes.activity, zeros)))


def drop_outliers(homes, *, outliers):
    z = (homes.log_radon - homes.log_radon.mean()) / homes.log_radon.std()
    return homes[z.abs() <= outliers]


def arrays(homes):
    # Counties without homes keep their number: their levels follow the prior, and all data sets share a program.
    return {
        "log_radon": homes.log_radon,
        "floor": homes.floor.astype(float),
        "uranium": homes.log_uranium,
        "county": homes.county.cat.codes,
        "n_counties": len(homes.county.cat.categories),
    }


# ------------------------------------------------------------------------------------------------- model
def normal(location, scale):
    return dist.Normal(location, scale)


def student(location, scale):
    return dist.StudentT(4.0, location, scale)


def model(data, *, slope, spread, uranium, likelihood):
    intercept = numpyro.sample("intercept", dist.Normal(0, 5))
    first_floor = numpyro.sample("first_floor", slope)
    # Left out, the coefficient is multiplied by zero: the others have the same posterior, in the same program.
    soil = numpyro.sample("soil", dist.Normal(0, 1)) * uranium
    county_sd = numpyro.sample("county_sd", spread)
    noise = numpyro.sample("noise", dist.HalfNormal(2))
    with numpyro.plate("counties", data["n_counties"]):
        level = numpyro.sample("level", dist.Normal(intercept, county_sd))
    with mv.rows(data):
        location = level[data["county"]] + first_floor * data["floor"] + soil * data["uranium"]
        numpyro.sample("log_radon", likelihood(location, noise), obs=data["log_radon"])


# ------------------------------------------------------------------------------------------------- the space
space = mv.Space(
    counties=mv.preprocessing(
        {"all": 1, "five homes or more": 5},
        why={"five homes or more": "39 counties have fewer than five homes, 3 of them one"},
    ),
    zeros=mv.preprocessing(
        {"as 0.1": 0.1, "as 0.05": 0.05, "dropped": None},
        why={
            "as 0.1": "as published: the smallest positive reading",
            "as 0.05": "half the smallest positive reading",
            "dropped": "a detector that reads zero may be broken",
        },
    ),
    outliers=mv.preprocessing(
        {"kept": np.inf, "beyond 3 sd dropped": 3.0},
        why={"beyond 3 sd dropped": "seven homes, six of them low"},
    ),
    slope=mv.prior(
        {"Normal(0, 1)": dist.Normal(0, 1), "Normal(0, 0.3)": dist.Normal(0, 0.3)},
        why={"Normal(0, 0.3)": "a sceptic expects floors to differ by less than a third"},
    ),
    spread=mv.prior(
        {"HalfNormal(1)": dist.HalfNormal(1), "HalfCauchy(0.5)": dist.HalfCauchy(0.5)},
        why={"HalfCauchy(0.5)": "weak, with heavy tails (Gelman 2006)"},
    ),
    uranium=mv.likelihood({"no": 0.0, "yes": 1.0}, why={"yes": "uranium in the soil is where radon comes from"}),
    likelihood=mv.likelihood(
        {"Normal": normal, "Student-t": student},
        why={"Student-t": "low readings are more frequent than under a normal"},
    ),
    parameterization=mv.parameterization({"centered": {}, "non-centered": {"level": LocScaleReparam(0)}}),
).forbid(
    "dropping homes beyond 3 sd drops the zeros, so that it does not matter what they were read as",
    lambda zeros, outliers: zeros != "as 0.1" and outliers == "beyond 3 sd dropped",
)

study = mv.Study(
    name="radon",
    data=load,
    prepare=[keep_counties, take_logs, drop_outliers, arrays],
    model=model,
    estimands={"basement": lambda draws, data: -draws["first_floor"]},
    space=space,
)

# Trees of 31 steps suffice here; the work of a step grows with the depth the kernel must be ready for.
engine = mv.Auto(nuts=mv.NUTS(warmup=300, draws=1000, max_tree_depth=5))

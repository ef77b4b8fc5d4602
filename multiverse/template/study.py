"""Does drug 2 give more sleep than drug 1? The data on which "Student" showed his t test, analysed in 24 ways.

Ten patients took both drugs; `extra_hours` is how much longer each slept than without. README.md has the source.
"""

from pathlib import Path

import numpyro
import numpyro.distributions as dist
import pandas as pd
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv


def load():
    """The raw data: what is the same in every universe."""
    return pd.read_csv(Path(__file__).parent / "sleep.csv")


def prepare(raw, *, patients):
    """What the model sees. Each keyword is a decision of the space below: the names must be the same."""
    kept = raw if patients == "all" else raw[raw["patient"] != 9]
    return {
        "hours": kept["extra_hours"],
        "second": (kept["drug"] == 2).astype(float),
        "patient": kept["patient"] - 1,
    }


def model(data, *, effect, family, tail):
    """A NumPyro model. Its keywords are decisions too; the value of the chosen option arrives."""
    typical = numpyro.sample("typical", dist.Normal(0, 3))
    spread = numpyro.sample("spread", dist.LogNormal(0.5, 0.5))  # patients do differ: away from zero
    with numpyro.plate("patients", 10):
        level = numpyro.sample("level", dist.Normal(typical, spread))
    drug = numpyro.sample("drug", effect)
    scale = numpyro.sample("scale", dist.LogNormal(0, 0.5))
    with mv.rows(data):  # the plate over rows: dropping some does not compile a new program
        numpyro.sample("hours", family(level[data["patient"]] + drug * data["second"], scale, tail), obs=data["hours"])


def normal(mean, scale, tail):
    """Errors without outliers; `tail` does not apply here."""
    return dist.Normal(mean, scale)


def student(mean, scale, tail):
    """Errors with outliers: the fewer degrees of freedom, the larger they may be."""
    return dist.StudentT(tail, mean, scale)


# Every decision, and every option that you would defend before a reviewer. The first option of each makes the
# reference universe: the analysis that would have been published.
space = mv.Space(
    patients=mv.preprocessing(
        {"all ten": "all", "without patient 9": "drop"},
        why={
            "all ten": "nothing is known to be wrong with any of them",
            "without patient 9": "4.6 hours between the drugs, where the others have 2.4 at most",
        },
    ),
    effect=mv.prior(
        {"weak": dist.Normal(0, 10), "doubtful": dist.Normal(0, 1)},
        why={"doubtful": "most differences between two sleeping drugs are below one or two hours"},
    ),
    family=mv.likelihood({"normal": normal, "student": student}),
    tail=mv.prior({"4 degrees": 4.0, "10 degrees": 10.0}),
    geometry=mv.parameterization({"centered": {}, "non-centered": {"level": LocScaleReparam(0)}}),
)
# A decision that does not apply multiplies nothing. Rules see the labels of options.
space = space.only_when("tail", lambda family: family == "student")

study = mv.Study(
    name="sleep",
    data=load,
    prepare=prepare,
    model=model,
    # What all universes estimate, on one scale: the name of a site, or a function that gives one number a draw.
    estimands={
        "effect": "drug",
        "effect in sd": lambda draws, data: draws["drug"] / draws["scale"],
    },
    space=space,
)

# How to sample; the options of `multiverse run` replace single settings of it.
engine = mv.NUTS(warmup=700, draws=1500, target_accept=0.9)

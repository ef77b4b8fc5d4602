"""Run as a script, it prints who is who: leaves, structures, keys and program ids, for comparison across processes."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.distributions import constraints, transforms
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.planning.structure import signature, take_apart

DISTRIBUTIONS = {
    "normal": lambda: dist.Normal(0, 10),
    "student": lambda: dist.StudentT(4, 0.5, 2),
    "half normal": lambda: dist.HalfNormal(2),
    "half cauchy": lambda: dist.HalfCauchy(1),
    "uniform": lambda: dist.Uniform(-1, 1),
    "gamma": lambda: dist.Gamma(2, 3),
    "beta": lambda: dist.Beta(2, 5),
    "laplace": lambda: dist.Laplace(0, 1),
    "log normal": lambda: dist.LogNormal(0, 1),
    "exponential": lambda: dist.Exponential(3),
    "inverse gamma": lambda: dist.InverseGamma(2, 1),
    "dirichlet": lambda: dist.Dirichlet(jnp.array([1.0, 2.0, 3.0])),
    "truncated": lambda: dist.TruncatedNormal(0, 1, low=0),
    "expanded": lambda: dist.Normal(0, 1).expand([3]),
    "to event": lambda: dist.Normal(0, 1).expand([3]).to_event(1),
    "masked": lambda: dist.Normal(0, 1).mask(jnp.array([True, False])),
    "transformed": lambda: dist.TransformedDistribution(
        dist.Normal(0, 1), [transforms.AffineTransform(1, 2), transforms.ExpTransform()]
    ),
    "transformed twice": lambda: dist.TransformedDistribution(
        dist.TransformedDistribution(dist.Normal(0, 1), transforms.AffineTransform(0, 3)), transforms.SigmoidTransform()
    ),
    "permuted": lambda: dist.TransformedDistribution(
        dist.Normal(0, 1).expand([3]).to_event(1), transforms.PermuteTransform(np.array([2, 0, 1]))
    ),
    "mixture": lambda: dist.MixtureSameFamily(
        dist.Categorical(probs=jnp.array([0.3, 0.7])), dist.Normal(jnp.array([0.0, 1.0]), 1)
    ),
    "multivariate": lambda: dist.MultivariateNormal(jnp.zeros(2), jnp.array([[2.0, 0.5], [0.5, 1.0]])),
    "cholesky": lambda: dist.LKJCholesky(3, 2.0),
    "binomial": lambda: dist.Binomial(total_count=10, probs=0.5),
    "poisson": lambda: dist.Poisson(3),
    "improper": lambda: dist.ImproperUniform(constraints.positive, (), ()),
}


def prepare(raw, *, rows):
    return {name: column[:rows] for name, column in raw.items()}


def normal(loc, scale):
    return dist.Normal(loc, scale)


def student(loc, scale):
    return dist.StudentT(4.0, loc, scale)


def model(data, *, slope, family):
    level = numpyro.sample("level", dist.Normal(0, 5))
    with numpyro.plate("groups", 3):
        group = numpyro.sample("group", dist.Normal(level, 1.0))
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", family(group[data["group"]] + b * data["x"], 1.0), obs=data["y"])


def raw():
    source = np.random.default_rng(3)
    return {"x": source.normal(size=12), "y": source.normal(size=12), "group": np.arange(12) % 3}


DECISIONS = {
    "rows": mv.preprocessing({"all": 12, "ten": 10, "five": 5}),
    "slope": mv.prior(
        weak=dist.Normal(0, 10),
        mixed=dist.MixtureSameFamily(
            dist.Categorical(probs=jnp.array([0.5, 0.5])), dist.Normal(jnp.zeros(2), jnp.array([0.1, 2.0]))
        ),
    ),
    "family": mv.likelihood(normal=normal, student=student),
    "geometry": mv.parameterization({"centered": {}, "non-centered": {"group": LocScaleReparam(0)}}),
}


def study(decisions=None) -> mv.Study:
    return mv.Study(
        name="printed",
        data=raw,
        prepare=prepare,
        model=model,
        estimands={"effect": "slope"},
        space=mv.Space(DECISIONS if decisions is None else decisions),
    )


def printed(grouped) -> dict[str, object]:
    """grouped: a function from a study to what planning gives, as in conftest.py."""
    told = {}
    for name, make in DISTRIBUTIONS.items():
        structure, leaves = take_apart(make(), "option/prior")
        told[name] = [structure.text, sorted(leaves), signature(leaves)]
    walked, programs, problems = grouped(study())
    assert problems == []
    return {
        "values": told,
        "keys": list(walked.universes),
        "programs": [[p.id, p.why, list(p.members), list(p.paths)] for p in programs],
    }


if __name__ == "__main__":
    import importlib.util
    import sys
    from pathlib import Path

    # The folder's conftest groups a study without the slow last check.
    at = importlib.util.spec_from_file_location("planning_conftest", Path(__file__).with_name("conftest.py"))
    sys.modules["planning_conftest"] = importlib.util.module_from_spec(at)
    at.loader.exec_module(sys.modules["planning_conftest"])
    print(json.dumps(printed(sys.modules["planning_conftest"]._grouped)))

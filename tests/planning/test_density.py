"""A draw evaluated in one run of the model is what two runs of it say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.stats import beta, halfnorm, kstest, norm

import multiverse as mv
from multiverse.planning.density import draw_of, evaluate, potential, prior_draw
from multiverse.planning.program import Program


def model(data: Mapping[str, Any], *, scale: float) -> None:
    """All kinds of maps to the real line: none, one to one, of fewer dimensions, of a transformed distribution."""
    level = numpyro.sample("level", dist.Normal(0, scale))
    spread = numpyro.sample("spread", dist.HalfNormal(1))
    weights = numpyro.sample("weights", dist.Dirichlet(np.ones(3)))
    ratio = numpyro.sample("ratio", dist.LogNormal(level, 1))
    upto = numpyro.sample("upto", dist.Uniform(0, ratio))
    with numpyro.plate("groups", 2):
        each = numpyro.sample("each", dist.Beta(2, 3))
    numpyro.deterministic("sum", level + upto + each.sum())
    numpyro.factor("more", -spread * ratio)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level + weights[0], spread + upto), obs=data["y"])


SITES = ("level", "spread", "weights", "ratio", "upto", "each")


@pytest.fixture(scope="module")
def program() -> Program:
    study = mv.Study(
        name="maps",
        data={"y": np.arange(4.0)},
        model=model,
        estimands={"level": "level"},
        space=mv.Space(scale=mv.prior(narrow=0.5, wide=5.0)),
    )
    return mv.plan(study).programs[0]


def test_one_run_says_what_two_say(program: Program) -> None:
    keep = ("sum", "weights", "upto", "spread")
    with jax.enable_x64(True):
        together = jax.jit(evaluate(program.signature, program.sites, keep))
        seen = jax.jit(draw_of(program.signature, program.sites, keep))
        density = jax.jit(potential(program.signature, program.sites))
        for seed, key in enumerate([*program.members] * 2):
            leaves = {name: a[0] for name, a in program.gather([key], "float64").items()}
            z = np.random.default_rng(seed).normal(size=program.sites.dimension)
            values, prior, likelihood, energy = together(leaves, z)
            expected = seen(leaves, z)
            for name in keep:
                np.testing.assert_allclose(values[name], expected[0][name], rtol=1e-12)
            np.testing.assert_allclose([prior, likelihood], expected[1:], rtol=1e-12)
            np.testing.assert_allclose(energy, density(leaves, z), rtol=1e-12)


def test_a_draw_of_the_prior_is_one_on_the_unconstrained_scale(program: Program) -> None:
    """By its quantiles on the sites' own scale: each site's prior, given those that it hangs on."""
    draws = 4000
    key = next(iter(program.members))
    leaves = {name: a[0] for name, a in program.gather([key], "float64").items()}
    with jax.enable_x64(True):
        draw, see = prior_draw(program.signature, program.sites), draw_of(program.signature, program.sites, SITES)
        z = jax.jit(jax.vmap(lambda key: draw(leaves, key)))(jax.random.split(jax.random.key(1), draws))
        values = jax.tree.map(np.asarray, jax.jit(jax.vmap(lambda z: see(leaves, z)[0]))(z))
    scale = program.option_values(key)["scale"]
    uniform = [
        norm.cdf(values["level"], 0, scale),
        halfnorm.cdf(values["spread"]),
        norm.cdf(np.log(values["ratio"]) - values["level"]),
        values["upto"] / values["ratio"],
        beta.cdf(values["weights"][:, 0], 1, 2),  # a margin of the Dirichlet
        beta.cdf(values["each"][:, 1], 2, 3),
    ]
    assert np.isfinite(z).all()
    assert min(kstest(u, "uniform").pvalue for u in uniform) > 1e-4

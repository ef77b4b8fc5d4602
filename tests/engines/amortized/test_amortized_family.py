"""Families: one network for all parameterizations of a hierarchy, and for likelihoods with the same latents."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.engines.amortized.family import Family, families_of, open_program
from multiverse.planning.plan import Plan
from multiverse.planning.tracing import TRACING

Y = np.array([0.4, -0.3, 1.2, 0.1])


def schools(data, *, tau, likelihood, level):
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    width = numpyro.sample("tau", tau)
    with numpyro.plate("groups", 4):
        theta = numpyro.sample("theta", dist.Normal(mu, width))
    if level == "own":
        theta = theta + numpyro.sample("level", dist.Normal(0, 1))
    family = dist.Normal(theta, 0.5) if likelihood == "normal" else dist.StudentT(4.0, theta, 0.5)
    numpyro.sample("y", family, obs=data["y"])


@pytest.fixture(scope="module")
def planned() -> Plan:
    return mv.plan(
        mv.Study(
            "schools",
            data={"y": Y},
            prepare=lambda raw: raw,
            model=schools,
            estimands={"mu": "mu"},
            space=mv.Space(
                tau=mv.prior(narrow=dist.HalfNormal(0.5), wide=dist.HalfNormal(2.0)),
                likelihood=mv.likelihood(normal="normal", student="student"),
                level=mv.likelihood(none="none", own="own"),
                geometry=mv.parameterization({"centered": {}, "non-centered": {"theta": LocScaleReparam(0)}}),
            ),
        )
    )


@pytest.fixture(scope="module")
def families(planned: Plan) -> list[Family]:
    found, declined = families_of(planned)
    assert not declined
    return found


def labels(family: Family) -> list[dict[str, Any]]:
    return [dict(next(iter(program.members.values())).universe) for program in family.programs]


def test_programs_with_the_same_latents_are_one_family_and_others_are_not(
    planned: Plan, families: list[Family]
) -> None:
    assert len(planned.programs) == 8 and len(families) == 2
    for family in families:
        assert len({universe["level"] for universe in labels(family)}) == 1
        assert {(u["likelihood"], u["geometry"]) for u in labels(family)} == {
            (a, b) for a in ("normal", "student") for b in ("centered", "non-centered")
        }
        assert len({family.dimension, *(one.sites.dimension for one in family.opened)}) == 1
    assert sorted(family.dimension for family in families) == [6, 7]


def test_parameterizations_are_answered_from_the_same_draws_with_the_same_weights(families: list[Family]) -> None:
    """Exactly: their log joints in the coordinates of the family, and the values of their sites."""
    family = next(family for family in families if family.dimension == 6)
    place = {(u["likelihood"], u["geometry"]): i for i, u in enumerate(labels(family))}
    z = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
    for likelihood in ("normal", "student"):
        found = []
        for geometry in ("centered", "non-centered"):
            of = family.opened[place[likelihood, geometry]]
            (key,) = [k for k, m in of.program.members.items() if m.universe["tau"] == "wide"]
            leaves = {path: jnp.asarray(leaf, jnp.float32) for path, leaf in of.program.leaves(key).items()}
            potential = of.potential
            with TRACING:
                found.append(np.array([float(potential(leaves, jnp.asarray(one))) for one in z]))
                own = of.own(leaves, jnp.asarray(z[0]))
            assert (of.other is None) == (geometry == "non-centered")
            free = of.program.sites.unravel(own)
            names = [site.name for site in of.sites.latents]
            assert "theta_decentered" in names
            raw = dict(of.sites.unravel(jnp.asarray(z[0])))
            theta = raw["mu"] + jnp.exp(raw["tau"]) * raw["theta_decentered"]
            if geometry == "centered":
                np.testing.assert_allclose(free["theta"], theta, rtol=1e-5)
            else:
                np.testing.assert_array_equal(own, z[0])
        np.testing.assert_array_equal(found[0], found[1])


def test_a_universe_is_found_in_its_family(families: list[Family]) -> None:
    family = families[0]
    for place, program in enumerate(family.programs):
        assert {family.of(key) for key in program.members} == {place}
    with pytest.raises(KeyError, match="nobody"):
        family.of("nobody")


def test_what_is_learnt_and_what_is_weighed_are_one_density(families: list[Family]) -> None:
    """The prior of simulated latents in the coordinates of the family: `z` of a non-centered site is standard."""
    of = next(family for family in families if family.dimension == 6).opened[0]
    leaves = {
        p: jnp.asarray(leaf, jnp.float32) for p, leaf in of.program.leaves(next(iter(of.program.members))).items()
    }
    simulate = of.simulate
    with TRACING:
        shapes = jax.eval_shape(lambda key: simulate(leaves, key), jax.random.key(0))
    assert shapes.z.shape == (6,) and shapes.observed["y"].shape == Y.shape


def test_opening_is_the_same_twice(planned: Plan) -> None:
    one, two = (open_program(planned.programs[0]) for _ in range(2))
    assert one.sites == two.sites and one.outcome == two.outcome == {"/y"}

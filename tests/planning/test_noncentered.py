"""A program in other coordinates: which sites move, and that the posterior is the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam

from multiverse.planning.build import plan
from multiverse.planning.density import potential
from multiverse.planning.noncentered import FAMILIES, NonCentered, noncentered
from multiverse.planning.program import Program
from multiverse.progress import no_progress
from multiverse.space.decision import parameterization, prior
from multiverse.space.space import Space
from multiverse.study import Study

GROUPS = 3
RTOL = 1e-5  # of log densities in float32, which are of order 10 here

Y = np.linspace(-1.0, 2.0, GROUPS)
DRAWS = {
    "Normal": lambda mean, sd: dist.Normal(mean, sd),
    "StudentT": lambda mean, sd: dist.StudentT(4.0, mean, sd),
    "Cauchy": lambda mean, sd: dist.Cauchy(mean, sd),
    "Laplace": lambda mean, sd: dist.Laplace(mean, sd),
    "Logistic": lambda mean, sd: dist.Logistic(mean, sd),
    "Gumbel": lambda mean, sd: dist.Gumbel(mean, sd),
    "SoftLaplace": lambda mean, sd: dist.SoftLaplace(mean, sd),
    "AsymmetricLaplace": lambda mean, sd: dist.AsymmetricLaplace(mean, sd, 1.5),
}


class Own(dist.Normal):
    """A distribution of the user's own, of which nothing is known."""


STAYS = {
    "hangs on nothing": lambda mean, sd: dist.Normal(0.0, 1.0),
    "not on the real line": lambda mean, sd: dist.LogNormal(mean, sd),
    "neither location nor scale": lambda mean, sd: dist.Gamma(sd, 1.0),
    "unknown": lambda mean, sd: Own(mean, sd),
}


def program_of(model: Callable[..., Any], **decisions: Any) -> Program:
    space = Space(width=prior({"wide": 2.0, "narrow": 0.5}), **decisions)
    study = Study(name="hierarchy", data={"y": Y}, model=model, estimands={"mean": "mean"}, space=space)
    return plan(study, progress=no_progress).programs[0]


def hierarchy(draws: Mapping[str, Callable[[Any, Any], Any]]) -> Callable[..., None]:
    """A model with a site for each of these: `draw(mean, sd)` is its distribution."""

    def model(data: Mapping[str, Any], *, width: float) -> None:
        mean = numpyro.sample("mean", dist.Normal(0, width))
        sd = numpyro.sample("sd", dist.HalfNormal(1))
        with numpyro.plate("groups", GROUPS):
            levels = [numpyro.sample(name, draw(mean, sd)) for name, draw in draws.items()]
            numpyro.deterministic("sum", sum(levels))
            numpyro.sample("y", dist.Normal(sum(levels), 1), obs=data["y"])

    return model


def assert_same_posterior(program: Program, other: NonCentered) -> None:
    """The densities differ by the log of the determinant of the map between the coordinates, taken by brute force."""
    leaves = {path: leaf[0] for path, leaf in program.gather(list(program.members)[:1], "float32").items()}
    new = potential(other.signature, other.sites)
    old = potential(program.signature, program.sites)

    @jax.jit
    def both(z: Any) -> Any:
        _, log_volume = jnp.linalg.slogdet(jax.jacfwd(lambda at: other.centered(leaves, at))(z))
        return new(leaves, z), old(leaves, other.centered(leaves, z)) - log_volume

    for z in np.random.default_rng(0).normal(size=(3, program.sites.dimension)):
        np.testing.assert_allclose(*both(z), rtol=RTOL)


@pytest.fixture(scope="module")
def families() -> Program:
    return program_of(hierarchy(DRAWS))


def test_sites_of_every_family_move_and_the_posterior_stays(families: Program) -> None:
    assert DRAWS.keys() == FAMILIES.keys()
    other = noncentered(families)
    assert other is not None
    assert other.moved == tuple(DRAWS)
    assert [s.name for s in other.sites.latents] == ["mean", "sd", *(f"{name}_decentered" for name in DRAWS)]
    assert other.sites.deterministic.keys() == {*DRAWS, "sum"}
    assert_same_posterior(families, other)


def nested(data: Mapping[str, Any], *, width: float) -> None:
    """Levels within levels, a vector with an event axis, and a site whose location alone hangs on another."""
    mean = numpyro.sample("mean", dist.Normal(0, width))
    shift = numpyro.sample("shift", dist.Normal(mean, 1.0))
    sd = numpyro.sample("sd", dist.HalfNormal(1).expand([2]).to_event(1))
    upper = numpyro.sample("upper", dist.Normal(shift, sd).to_event(1))
    with numpyro.plate("groups", GROUPS):
        lower = numpyro.sample("lower", dist.Normal(upper[0], sd[1]))
        numpyro.sample("y", dist.Normal(lower + upper[1], 1), obs=data["y"])


def test_sites_on_several_levels_move_together() -> None:
    program = program_of(nested)
    other = noncentered(program)
    assert other is not None and other.moved == ("shift", "upper", "lower")
    assert_same_posterior(program, other)


def test_where_nothing_can_move_there_is_no_other_program() -> None:
    assert noncentered(program_of(hierarchy(STAYS))) is None


def test_a_site_that_is_reparameterized_already_stays_as_it_is() -> None:
    level = parameterization({"half": {"Normal": LocScaleReparam(0.5)}})
    assert noncentered(program_of(hierarchy({"Normal": DRAWS["Normal"]}), geometry=level)) is None


def test_it_is_found_once_and_belongs_to_the_program_asked_for(families: Program) -> None:
    first, again = noncentered(families), noncentered(families)
    assert first is not None and again is not None
    assert first.signature is again.signature and again.program is families

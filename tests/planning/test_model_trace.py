"""What a model samples, and what NUTS could not sample of it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan
from numpyro.distributions import constraints
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.planning.model_trace import trace_model

LEAVES = {"y": np.zeros(5), "scale": np.array(2.0)}


def problems(model) -> list[str]:
    return [problem.what for problem in trace_model(model, LEAVES).problems]


def test_sites_in_order_with_their_shapes_and_plates():
    def model(at):
        numpyro.sample("b", dist.Normal(0, at["scale"]))
        with numpyro.plate("groups", 3):
            numpyro.sample("a", dist.Gamma(1, 1))
        numpyro.sample("simplex", dist.Dirichlet(jnp.ones(4)))
        numpyro.deterministic("twice", at["y"] * 2)
        numpyro.factor("penalty", -1.0)
        with mv.rows(at, n=len(at["y"])):
            numpyro.sample("y", dist.Normal(0, 1), obs=at["y"])

    trace = trace_model(model, LEAVES)
    assert trace.problems == ()
    assert [(s.name, s.shape, s.free_shape, s.plates) for s in trace.sites.latents] == [
        ("b", (), (), ()),
        ("a", (3,), (3,), ("groups",)),
        ("simplex", (4,), (3,), ()),
    ]
    assert [latent.is_local for latent in trace.sites.latents] == [False, True, False]
    assert trace.sites.dimension == 7
    assert trace.sites.deterministic == {"twice": (5,)}
    assert set(trace.sites.observed) == {"penalty", "y"} and trace.sites.observed["y"] == (5,)
    assert [(use.name, use.length) for use in trace.rows] == [("rows", 5)]
    unravelled = trace.sites.unravel(np.arange(7.0))
    assert {name: value.tolist() for name, value in unravelled.items()} == {
        "b": 0.0,
        "a": [1.0, 2.0, 3.0],
        "simplex": [4.0, 5.0, 6.0],
    }


def test_nothing_is_computed():
    def model(at):
        numpyro.sample("b", dist.Normal(0, 1))
        numpyro.sample("large", dist.Normal(0, 1).expand([10**6, 10**6]).to_event(2))  # 4 TB, were it there

    assert trace_model(model, LEAVES).sites.dimension == 1 + 10**12


def test_a_latent_in_the_row_plate_is_seen():
    def model(at):
        with mv.rows(at, n=5):
            numpyro.sample("each", dist.Normal(0, 1))

    assert trace_model(model, LEAVES).row_latents == ("each",)


def test_no_latent_sites():
    assert problems(lambda at: numpyro.sample("y", dist.Normal(0, 1), obs=at["y"])) == [
        "the model has no latent sites: there is nothing to infer."
    ]


@pytest.mark.parametrize("prior", [dist.Bernoulli(0.5), dist.Poisson(2.0), dist.Categorical(jnp.ones(3) / 3)])
def test_discrete_latents(prior):
    (what,) = problems(lambda at: numpyro.sample("k", prior))
    assert what.startswith("the latent site 'k' is discrete (")


@pytest.mark.parametrize(
    "prior",
    [
        dist.ImproperUniform(constraints.real, (), ()),
        dist.ImproperUniform(constraints.positive, (), (3,)),
        dist.ImproperUniform(constraints.real, (2,), ()).to_event(1),
        dist.ImproperUniform(constraints.real, (), ()).expand([4]),
    ],
)
def test_improper_priors(prior):
    assert problems(lambda at: numpyro.sample("b", prior)) == ["the site 'b' has an improper prior."]


def test_parameters_are_optimised_not_sampled():
    def model(at):
        numpyro.sample("b", dist.Normal(numpyro.param("loc", 0.0), 1))

    assert problems(model) == ["the model has a numpyro.param 'loc', which is optimised, not sampled."]


def test_a_learnable_reparameterizer_is_named_as_the_cause():
    def model(at):
        numpyro.sample("b", dist.Normal(0, 1))

    reparameterized = numpyro.handlers.reparam(model, config={"b": LocScaleReparam()})
    (problem,) = trace_model(reparameterized, LEAVES).problems
    assert "'b_centered'" in problem.what
    assert "if it is LocScaleReparam() of 'b', write `LocScaleReparam(0)`" in problem.mend


def test_a_subsampled_plate():
    def model(at):
        numpyro.sample("b", dist.Normal(0, 1))
        with numpyro.plate("some", 5, subsample_size=2):
            numpyro.sample("y", dist.Normal(0, 1), obs=at["y"][:2])

    assert problems(model) == ["the plate 'some' subsamples 2 of 5 rows."]


def test_a_support_that_cannot_be_mapped_to_the_reals():
    def model(at):
        numpyro.sample("b", dist.Normal(0, 1))
        numpyro.sample("matrix", dist.Delta(0.0))
        numpyro.sample("odd", Odd())

    (what,) = problems(model)
    assert what.startswith("the latent site 'odd' has a support that NumPyro cannot map to the reals")


class OddSupport(constraints.Constraint):
    def __call__(self, x):
        return x > 0

    def feasible_like(self, prototype):
        return prototype

    def tree_flatten(self):
        return (), ((), {})


class Odd(dist.Normal):
    support = OddSupport()


def test_a_support_that_depends_on_another_site():
    def model(at):
        top = numpyro.sample("top", dist.HalfNormal(1))
        numpyro.sample("below", dist.Uniform(0, top))

    trace = trace_model(model, LEAVES)
    assert trace.problems == ()
    assert trace.sites.dimension == 2


def test_a_scan_over_time():
    def model(at):
        drift = numpyro.sample("drift", dist.Normal(0, 1))

        def step(state, y):
            state = numpyro.sample("state", dist.Normal(state + drift, 1))
            numpyro.sample("y", dist.Normal(state, 1), obs=y)
            return state, None

        scan(step, 0.0, at["y"])

    trace = trace_model(model, LEAVES)
    assert trace.problems == ()
    assert {s.name: s.shape for s in trace.sites.latents} == {"drift": (), "state": (5,)}
    assert trace.sites.observed == {"y": (5,)}


def test_several_mistakes_of_a_model_are_told_together():
    def model(at):
        numpyro.sample("k", dist.Poisson(1.0))
        numpyro.sample("b", dist.ImproperUniform(constraints.real, (), ()))
        numpyro.param("loc", 0.0)

    assert len(problems(model)) == 3

"""Fingerprints of what NumPyro makes: distributions, transforms, constraints, reparameterizers."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import constraints, transforms
from numpyro.infer.reparam import CircularReparam, LocScaleReparam, TransformReparam

from multiverse.identity.fingerprint import describe, fingerprint


class Shifted(dist.Distribution):
    """A distribution of the user's own, with an attribute that JAX is not told of."""

    arg_constraints = {"loc": constraints.real}
    support = constraints.real

    def __init__(self, loc, degree=2):
        self.loc, self.degree = loc, degree
        super().__init__(())

    def log_prob(self, value):
        return -((value - self.loc) ** self.degree)


class Doubling(transforms.Transform):
    domain = codomain = constraints.real

    def __call__(self, x):
        return 2 * x


def test_different_distributions_differ():
    normal = dist.Normal(0, 1)
    values = [
        *[normal, dist.Normal(0, 10), dist.Normal(1, 1), dist.Normal(0, 0.5), dist.Cauchy(0, 1), dist.LogNormal(0, 1)],
        *[dist.HalfNormal(1), dist.HalfNormal(2), dist.StudentT(3, 0, 1), dist.StudentT(4, 0, 1)],
        *[dist.Uniform(0, 1), dist.Uniform(0, 2), dist.Delta(0.0), dist.Delta(1.0)],
        *[dist.Binomial(10, 0.5), dist.Binomial(11, 0.5), dist.Binomial(10, logits=0.5), dist.BetaBinomial(1, 1, 10)],
        *[normal.expand([2]), normal.expand([3]), normal.expand([3]).to_event(1), normal.mask(False)],
        *[dist.Normal(jnp.zeros(2), 1), dist.Normal(jnp.zeros(3), 1), dist.Normal(0, jnp.ones(2))],
        *[dist.TruncatedNormal(0, 1, low=0), dist.TruncatedNormal(0, 1, low=1), dist.TruncatedNormal(0, 1, high=0)],
        *[dist.LKJCholesky(3, 1.0), dist.LKJCholesky(3, 2.0)],
        dist.TransformedDistribution(normal, transforms.AffineTransform(0, 2)),
        dist.TransformedDistribution(normal, transforms.AffineTransform(0, 3)),
        *[dist.MultivariateNormal(np.zeros(2), scale_tril=k * np.eye(2)) for k in (1, 2)],
        *[dist.ImproperUniform(constraints.real, (), ()), dist.ImproperUniform(constraints.positive, (), ())],
        *[dist.GaussianRandomWalk(1.0, 5), dist.GaussianRandomWalk(1.0, 6), dist.ZeroInflatedPoisson(0.5, 1.0)],
        *[Shifted(0.0), Shifted(1.0), Shifted(0.0, degree=4), dist.Normal, "Normal(0, 1)"],
    ]
    assert len(set(map(fingerprint, values))) == len(values)


def test_numbers_in_a_distribution_stand_for_reals():
    same = [
        (dist.Normal(0, 10), dist.Normal(0.0, 10.0)),
        (dist.Normal(0, 10), dist.Normal(np.float32(0), np.int64(10))),
        (dist.Normal(0, 10), dist.Normal(jnp.array(0.0), jnp.array(10))),
        (dist.Uniform(0, 1), dist.Uniform(0.0, 1.0)),
        (dist.HalfNormal(2), dist.HalfNormal(2.0)),
        (dist.StudentT(3, 0, 1), dist.StudentT(3.0, 0.0, 1.0)),
        (dist.TruncatedNormal(0, 1, low=0), dist.TruncatedNormal(0.0, 1.0, low=0.0)),
        (dist.Normal(0, 1).expand([3]), dist.Normal(0.0, 1.0).expand([3])),
        (
            dist.TransformedDistribution(dist.Normal(0, 1), transforms.AffineTransform(0, 2)),
            dist.TransformedDistribution(dist.Normal(0.0, 1.0), transforms.AffineTransform(0.0, 2.0)),
        ),
        (dist.Binomial(10, 1), dist.Binomial(np.int32(10), 1.0)),
        (dist.Normal(np.array([0, 1]), 1), dist.Normal(np.array([0.0, 1.0]), 1.0)),
    ]
    for one, other in same:
        assert fingerprint(one) == fingerprint(other), describe(one)


def test_what_a_distribution_has_computed_does_not_count():
    one, fresh = dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2)), dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2))
    assert one.precision_matrix.shape == (2, 2)
    assert fingerprint(one) == fingerprint(fresh)
    used = transforms.ExpTransform()
    inverse = used.inv
    assert fingerprint(used) == fingerprint(transforms.ExpTransform()) != fingerprint(inverse)
    assert fingerprint(dist.Normal(0, 1, validate_args=True)) == fingerprint(dist.Normal(0, 1))


def test_transforms_constraints_and_reparameterizers():
    values = [
        *[constraints.real, constraints.positive, constraints.interval(0, 1), constraints.interval(0, 2)],
        *[constraints.integer_interval(0, 1), constraints.independent(constraints.real, 1), constraints.dependent],
        *[transforms.ExpTransform(), transforms.AffineTransform(0, 1), transforms.AffineTransform(0, 2), Doubling()],
        *[transforms.PermuteTransform(jnp.array([0, 1])), transforms.PermuteTransform(jnp.array([1, 0]))],
        transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(0, 1)]),
        *[LocScaleReparam(0), LocScaleReparam(0.5), LocScaleReparam(), LocScaleReparam(0, shape_params=("df",))],
        *[TransformReparam(), CircularReparam(), {"level": LocScaleReparam(0)}, {"slope": LocScaleReparam(0)}, {}],
    ]
    assert len(set(map(fingerprint, values))) == len(values)
    assert fingerprint({"a": LocScaleReparam(0)}) == fingerprint({"a": LocScaleReparam(0)})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Normal(0, 10)", dist.Normal(0, 10)),
        ("Normal(0, 1).expand([3]).to_event(1)", dist.Normal(0, 1).expand([3]).to_event(1)),
        ("StudentT(3, 0, 1)", dist.StudentT(3, 0, 1)),
        ("Normal(array([0, 1]), array([1, 2]))", dist.Normal(np.array([0, 1]), np.array([1, 2]))),
        (
            "TransformedDistribution(Normal(0, 1), [AffineTransform(0, 2)])",
            dist.TransformedDistribution(dist.Normal(0, 1), transforms.AffineTransform(0, 2)),
        ),
        ("{'level': LocScaleReparam(0)}", {"level": LocScaleReparam(0)}),
        ("TransformReparam()", TransformReparam()),
        ("Shifted(0.0, 4)", Shifted(0.0, degree=4)),
    ],
)
def test_descriptions(text, value):
    assert describe(value) == text

"""Deterministic sites with a value for each row lose the rows that padding added."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.planning.row_axes import row_axes, trim_rows


def model(data, *, slope):
    b = numpyro.sample("slope", slope)
    numpyro.deterministic("twice", 2 * b)
    numpyro.deterministic("of three", b * jnp.ones(3))
    with mv.rows(data):
        mu = numpyro.deterministic("mu", b * data["x"])
        numpyro.deterministic("sides", jnp.stack([mu, -mu]))
        numpyro.deterministic("distance", data["x"][:, None] - data["x"])
        numpyro.sample("y", dist.Normal(mu, 1), obs=data["y"])


@pytest.fixture(scope="module")
def program(small, grouped):
    space = mv.Space(rows=mv.preprocessing(all=24, some=20, few=13), slope=mv.prior(a=dist.Normal(0, 1)))
    (program,) = grouped(small(model=model, space=space)).programs
    return program


def test_the_axes_that_grow_with_the_padding(program):
    assert row_axes(program, next(iter(program.members))) == {"mu": (0,), "sides": (1,), "distance": (0, 1)}


def test_sites_are_trimmed_to_the_rows_of_each_universe(program):
    keys = list(program.members)
    shapes = {"slope": (), **program.sites.deterministic}
    sites = {name: np.random.default_rng(0).normal(size=(3, 4, 5, *shape)) for name, shape in shapes.items()}
    trimmed = trim_rows(program, keys, sites)
    assert [a.shape for a in trimmed["mu"]] == [(4, 5, 24), (4, 5, 20), (4, 5, 13)]
    assert [a.shape for a in trimmed["sides"]] == [(4, 5, 2, 24), (4, 5, 2, 20), (4, 5, 2, 13)]
    assert [a.shape for a in trimmed["distance"]] == [(4, 5, n, n) for n in (24, 20, 13)]
    np.testing.assert_array_equal(trimmed["mu"][1], sites["mu"][1, :, :, :20])
    for name in ("slope", "twice", "of three"):
        assert trimmed[name] is sites[name]


def test_a_program_without_padding_has_nothing_to_trim(small, grouped):
    space = mv.Space(slope=mv.prior(a=dist.Normal(0, 1)))
    from dataclasses import replace

    (program,) = grouped(small(prepare=None, model=model, space=space)).programs
    bare = replace(program, padding=None)
    assert row_axes(bare, next(iter(bare.members))) == {}

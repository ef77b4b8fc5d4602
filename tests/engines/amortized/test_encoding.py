"""What a network is told: finite for any data, whole rows in any order, and nothing of rows that do not count."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiverse as mv
from multiverse.engines.amortized.constants import Constants, context_constants, data_constants
from multiverse.engines.amortized.encoding import BOUND, context, encode
from multiverse.engines.amortized.family import Family, families_of
from multiverse.engines.amortized.layout import MOMENTS, Layout, layout_of
from multiverse.engines.amortized.network import Flow, Inputs, Shape
from multiverse.engines.amortized.own_scales import Own, powers
from multiverse.engines.amortized.whitening import Spread, by_prior
from multiverse.planning.plan import Plan
from multiverse.planning.simulate import Seen

ROWS = 80  # more than are told one by one
SPREAD = Spread(np.zeros(2, np.float32), np.ones(2, np.float32))


def constants_of(family: Family, layout: Layout, simulations: dict[str, np.ndarray]) -> Constants:
    """Scales of the one program of a family, from simulations as if all were under one universe."""
    found = context_constants(family, layout)
    of = family.opened[0].program
    said = context(layout, found, 0, of.leaves(next(iter(of.members))))
    terms = np.asarray(powers(said, sum(size for _, size in layout.options)))
    count = len(next(iter(simulations.values())))
    return {**found, **data_constants(family, layout, [simulations], [np.repeat(terms[None], count, axis=0)])}


class Told:
    """A family with constants from made-up simulations, and what its network is told of leaves."""

    def __init__(self, family: Family, simulations: dict[str, np.ndarray]):
        self.family = family
        self.layout = layout_of(family, whitened=False)
        self.constants = constants_of(family, self.layout, simulations)
        self._encode = jax.jit(self._told)

    def _told(self, leaves: Any, seen: Any) -> Inputs:
        own = Own(SPREAD, {name: (0.5, 2.0) for name in seen})
        return encode(self.layout, self.constants, 0, leaves, seen, own, by_prior(SPREAD))

    def __call__(self, leaves: Any, seen: Any) -> Inputs:
        return self._encode(leaves, seen)

    @property
    def leaves(self) -> dict[str, np.ndarray]:
        of = self.family.opened[0].program
        return {p: a.astype(np.float32) for p, a in of.leaves(next(iter(of.members))).items()}


@pytest.fixture(scope="module")
def few(twelve_lines: Plan) -> Told:
    (family,), _ = families_of(twelve_lines)
    return Told(family, {"y": np.random.default_rng(1).normal(size=(200, 16))})


def many_rows(data, *, slope):
    level = numpyro.sample("level", dist.Normal(0, 1))
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level + b * data["x"], 1), obs=data["y"])


def sites(data, *, slope):
    level = numpyro.sample("level", dist.Normal(0, 1))
    b = numpyro.sample("slope", slope)
    numpyro.sample("y", dist.Normal(b, 1), obs=data["y"])
    numpyro.sample("few", dist.Normal(level, 1), obs=data["few"])
    numpyro.sample("one", dist.Normal(level, 1), obs=data["one"])
    numpyro.sample("wide", dist.Normal(level, 1), obs=data["wide"])


def family_of(model: Any, data: dict[str, Any]) -> Family:
    study = mv.Study(
        "rows",
        data=data,
        prepare=lambda raw: raw,
        model=model,
        estimands={"slope": "slope"},
        space=mv.Space(slope=mv.prior(wide=dist.Normal(0, 2), narrow=dist.Normal(0, 1))),
    )
    (family,), _ = families_of(mv.plan(study))
    return family


@pytest.fixture(scope="module")
def rows() -> Told:
    source = np.random.default_rng(2)
    family = family_of(many_rows, {"x": source.normal(size=ROWS), "y": source.normal(size=ROWS)})
    return Told(family, {"y": source.normal(size=(200, ROWS))})


anything = st.floats(width=64) | st.sampled_from([np.inf, -np.inf, np.nan, 1e300, -1e300, 0.0])


@given(st.lists(anything, min_size=16, max_size=16), st.lists(st.booleans(), min_size=16, max_size=16), anything)
@settings(max_examples=60)
def test_what_is_told_is_finite_and_bounded_for_any_data(
    few: Told, values: list[float], counts: list[bool], option: float
) -> None:
    with np.errstate(over="ignore"):
        y, number = np.array(values).astype(np.float32), np.float32(option)
    inputs = few({**few.leaves, "option/noise": number}, {"y": Seen(y, np.array(counts))})
    assert inputs.plain.shape == (few.layout.plain,) and inputs.rows is None
    assert np.isfinite(inputs.plain).all() and abs(np.asarray(inputs.plain)).max() <= BOUND


@given(st.lists(anything, min_size=ROWS, max_size=ROWS))
@settings(max_examples=20)
def test_rows_are_finite_and_bounded_for_any_data(rows: Told, values: list[float]) -> None:
    with np.errstate(over="ignore"):
        y = np.array(values).astype(np.float32)
    inputs = rows(rows.leaves, {"y": Seen(y, np.ones(ROWS, bool))})
    assert inputs.rows.shape == (ROWS, rows.layout.row) and inputs.kept.shape == (ROWS,)
    assert np.isfinite(inputs.rows).all() and abs(np.asarray(inputs.rows)).max() <= BOUND


def test_values_that_do_not_count_change_nothing(few: Told) -> None:
    source = np.random.default_rng(3)
    y, mask = source.normal(size=16).astype(np.float32), np.arange(16) < 13
    one = few(few.leaves, {"y": Seen(y, mask)})
    other = few(few.leaves, {"y": Seen(np.where(mask, y, np.nan).astype(np.float32), mask)})
    np.testing.assert_array_equal(one.plain, other.plain)
    changed = few(few.leaves, {"y": Seen(np.where(np.arange(16) == 2, 0.1, y).astype(np.float32), mask)})
    assert (np.asarray(changed.plain) != np.asarray(one.plain)).any()


def test_the_density_does_not_hang_on_the_order_of_rows_or_on_rows_that_do_not_count(rows: Told) -> None:
    source = np.random.default_rng(4)
    flow = Flow(Shape(2, rows.layout.plain, rows.layout.row, couplings=1, width=8, conditioner=8))
    weights = {name: source.normal(0, 0.3, size).astype(np.float32) for name, size in flow.sizes.items()}
    u = source.normal(size=(1, 2)).astype(np.float32)
    density = jax.jit(lambda inputs: flow.log_density(weights, Inputs(*(x[None] for x in inputs)), u))
    leaves, y, mask = rows.leaves, source.normal(size=ROWS).astype(np.float32), np.arange(ROWS) < 50
    order = source.permutation(ROWS)
    mixed = {**leaves, "/x": leaves["/x"][order]}
    spoilt = {**leaves, "/x": np.where(mask, leaves["/x"], 7.0).astype(np.float32)}
    first = float(density(rows(leaves, {"y": Seen(y, mask)}))[0, 0])
    others = [
        (mixed, Seen(y[order], mask[order])),
        (spoilt, Seen(np.where(mask, y, np.nan).astype(np.float32), mask)),
    ]
    for its, seen in others:
        assert float(density(rows(its, {"y": seen}))[0, 0]) == pytest.approx(first, abs=1e-5)
    assert float(density(rows(leaves, {"y": Seen(y + 1, mask)}))[0, 0]) != pytest.approx(first, abs=1e-4)


def test_sites_that_are_neither_few_nor_in_rows_are_told_by_their_moments() -> None:
    source = np.random.default_rng(5)
    data = {"y": source.normal(size=100), "few": source.normal(size=30), "one": np.array(0.3), "wide": np.ones((9, 40))}
    family = family_of(sites, data)
    told = Told(family, {name: source.normal(size=(50, *np.shape(value))) for name, value in data.items()})
    assert told.layout.rows == 100 and told.layout.moments == ("few", "one", "wide")
    assert told.layout.columns == ((("observed: y", 1),),)
    seen = {name: Seen(np.asarray(value, np.float32), np.ones(np.shape(value), bool)) for name, value in data.items()}
    inputs = told(told.leaves, seen)
    assert inputs.plain.shape == (told.layout.plain,) and inputs.rows.shape == (100, 2)
    other = told(told.leaves, {**seen, "wide": seen["wide"]._replace(value=seen["wide"].value * 2)})
    assert (np.asarray(other.plain) != np.asarray(inputs.plain)).sum() in range(2, MOMENTS)


def test_where_no_site_has_rows_of_a_few_numbers_there_are_none() -> None:
    def wide(data, *, slope):
        numpyro.sample("y", dist.Normal(numpyro.sample("slope", slope), 1), obs=data["y"])

    layout = layout_of(family_of(wide, {"y": np.ones((10, 40))}), whitened=False)
    assert (layout.rows, layout.row, layout.moments) == (0, 0, ("y",))


def test_the_layout_is_the_same_in_any_order_of_programs_and_members(few: Told, line: ModuleType) -> None:
    again, _ = families_of(mv.plan(line.study()))
    assert layout_of(again[0], whitened=False) == few.layout
    assert few.layout.options == (("option/noise", 1), ("option/prior/loc", 1), ("option/prior/scale", 1))
    for name, value in constants_of(
        again[0], few.layout, {"y": np.random.default_rng(1).normal(size=(200, 16))}
    ).items():
        np.testing.assert_array_equal(value, few.constants[name])


def test_numbers_of_options_go_from_minus_one_to_one(few: Told) -> None:
    of = few.family.opened[0].program
    seen = {"y": Seen(np.zeros(16, np.float32), np.ones(16, bool))}
    told = np.array(
        [few({p: a.astype(np.float32) for p, a in of.leaves(key).items()}, seen).plain[:3] for key in of.members]
    )
    np.testing.assert_allclose(told.min(axis=0), -1, atol=1e-6)
    np.testing.assert_allclose(told.max(axis=0), 1, atol=1e-6)


def test_data_without_spread_have_scales_all_the_same(few: Told) -> None:
    flat = constants_of(few.family, few.layout, {"y": np.full((50, 16), 3.0)})
    assert all(np.isfinite(value).all() for value in flat.values())
    assert (flat["data/y/near"] > 0).all() and (flat["data/y/far"] > 0).all()
    assert jnp.isfinite(flat["data/y/middle"]).all()

"""Dependent columns of a design are found; dependent columns that are no design are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiverse as mv
from multiverse.linting.rank_deficient import dependent, rank_deficient

ROWS = 40
SOURCE = np.random.default_rng(5)
X = SOURCE.normal(size=(ROWS, 3))
REGION = np.arange(ROWS) % 3
DUMMIES = (REGION[:, None] == np.arange(3)).astype(float)
Y = X[:, 0] + 0.1 * SOURCE.normal(size=ROWS)


@pytest.fixture(scope="module")
def planned(quick_plan: Callable[[mv.Study], mv.Plan]) -> Callable[..., mv.Plan]:
    """The plan of one analysis; of: preprocessing decisions and `prepare`."""

    def made(data: Any, analysis: Callable[..., Any], *, function: bool = False, **of: Any) -> mv.Plan:
        prepare = of.pop("prepare", None)
        given_as = {"estimate": analysis} if function else {"model": analysis, "estimands": {"noise": "noise"}}
        return quick_plan(mv.Study("designs", data=data, prepare=prepare, space=mv.Space(**of), **given_as))

    return made


# ------------------------------------------------------------------------------------------------ the rank
@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2), st.integers(0, 10_000))
def test_the_rank_is_that_of_numpy_and_the_columns_are_those_of_a_dependence(free: int, more: int, seed: int) -> None:
    source = np.random.default_rng(seed)
    base = source.normal(size=(30, free))
    others = base[:, :2] @ source.uniform(0.5, 2.0, size=(2, more))  # combinations of the first two
    matrix = np.hstack([base, others]) * 10.0 ** source.uniform(-6, 6, size=free + more)  # in any units
    rank, involved = dependent(matrix)
    assert rank == free
    assert involved.tolist() == [more > 0, more > 0, *[False] * (free - 2), *[True] * more]


# ------------------------------------------------------------------------------------------------ models
def linear(data: Any) -> None:
    noise = numpyro.sample("noise", dist.HalfNormal(1.0))
    b = numpyro.sample("b", dist.Normal(0, 1).expand([data["x"].shape[1]]).to_event(1))
    with mv.rows(data, n=len(data["y"])):
        numpyro.sample("y", dist.Normal(data["x"] @ b, noise), obs=data["y"])


def dummies(raw: Any, *, coding: str) -> Any:
    columns = DUMMIES if coding == "all" else DUMMIES[:, 1:]
    return {"x": np.hstack([np.ones((ROWS, 1)), columns]), "y": raw}


def test_dummies_of_all_groups_beside_an_intercept(planned: Callable[..., mv.Plan]) -> None:
    coding = mv.preprocessing({"all": "all", "without the first": "drop"})
    found = list(rank_deficient(planned(Y, linear, prepare=dummies, coding=coding)))
    assert len(found) == 1 and len(found[0].universes) == 1
    assert "data['x'][:, 0], data['x'][:, 1], data['x'][:, 2], data['x'][:, 3]" in found[0].what
    assert "4 columns of rank 3 in 40 rows" in found[0].what and "with coding='all'" in found[0].what
    assert "drop_first=True" in found[0].mend and "coding == 'all'" in found[0].mend


def named(data: Any) -> None:
    noise = numpyro.sample("noise", dist.HalfNormal(1.0))
    b = numpyro.sample("b", dist.Normal(0, 1).expand([3]).to_event(1))
    mean = b[0] * data["verbal"] + b[1] * data["maths"] + b[2] * data["total"]
    with mv.rows(data):
        numpyro.sample("y", dist.Bernoulli(logits=mean), obs=data["passed"])
        numpyro.sample("z", dist.Normal(0, noise), obs=data["other"])


def scores(**more: Any) -> pd.DataFrame:
    passed = (Y > 0).astype(int)
    table = pd.DataFrame({"verbal": X[:, 0], "maths": X[:, 1], "passed": passed, "other": X[:, 2]})
    return table.assign(total=table.verbal + table.maths, **more)


def test_columns_of_a_table_are_named(planned: Callable[..., mv.Plan]) -> None:
    [found] = rank_deficient(planned(scores(), named))
    assert "the columns data['verbal'], data['maths'], data['total'] are linearly dependent" in found.what
    assert "3 columns of rank 2" in found.what


def without_total(data: Any) -> None:
    named({**data, "total": data["other"]})


def mixed(data: Any) -> None:
    """Fixed and random effects: two matrices that are dependent, as they should be; and an outcome of closed shares."""
    noise = numpyro.sample("noise", dist.HalfNormal(1.0))
    b = numpyro.sample("b", dist.Normal(0, 1).expand([2]).to_event(1))
    u = numpyro.sample("u", dist.Normal(0, noise).expand([3]).to_event(1))
    mean = data["fixed"] @ b + data["random"] @ u
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(mean[:, None], noise).to_event(1), obs=data["y"])


@pytest.mark.parametrize(
    ("data", "model"),
    [
        pytest.param(scores(), without_total, id="a column that the model does not use"),
        pytest.param(
            {
                "fixed": np.column_stack([np.ones(ROWS), X[:, 0]]),
                "random": DUMMIES,
                "y": X - X.mean(axis=1, keepdims=True),  # rows that sum to zero
            },
            mixed,
            id="a mixed model with a closed outcome",
        ),
    ],
)
def test_what_is_no_design_is_no_finding(planned: Callable[..., mv.Plan], data: Any, model: Callable[..., Any]) -> None:
    assert list(rank_deficient(planned(data, model))) == []


# ------------------------------------------------------------------------------------------------ functions
def least_squares(data: Any) -> float:
    return float(np.linalg.pinv(np.asarray(data["x"], dtype=float))[0] @ data["y"])


def first_two(data: Any) -> float:
    return least_squares({"x": np.asarray(data["x"])[:, :2], "y": data["y"]})


def mean_of_rows(data: Any) -> float:
    return float(np.mean(np.asarray(data, dtype=float)))


def test_a_matrix_beside_a_vector_is_the_design_of_a_function(planned: Callable[..., mv.Plan]) -> None:
    table = pd.DataFrame({"verbal": X[:, 0], "maths": X[:, 1], "total": X[:, 0] + X[:, 1]})
    for x in (table, table.to_numpy()):
        [found] = rank_deficient(planned({"x": x, "y": Y}, least_squares, function=True))
        assert "3 columns of rank 2" in found.what
        assert ("data['x']['total']" in found.what) == isinstance(x, pd.DataFrame)
        assert list(rank_deficient(planned({"x": x, "y": Y}, first_two, function=True))) == []


def test_a_table_by_itself_is_not_known_to_be_a_design(planned: Callable[..., mv.Plan]) -> None:
    assert list(rank_deficient(planned(scores(), mean_of_rows, function=True))) == []

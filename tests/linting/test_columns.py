"""Columns of data of any kind: found under the names a person would write, and put back changed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import multiverse as mv
from multiverse.linting.columns import columns, with_column
from multiverse.linting.data_sets import data_sets, forbidding, options_of, where
from multiverse.progress import no_progress

MATRIX = np.arange(12.0).reshape(4, 3)
TABLE = pd.DataFrame({"a": [1, 2, 3, 4], "b": ["x", None, "y", "y"], 7: [0.5, np.nan, 2, 2]}, index=list("pqrs"))


class Pair(NamedTuple):
    x: np.ndarray
    y: list[float]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (MATRIX, ["data[:, 0]", "data[:, 1]", "data[:, 2]"]),
        (TABLE, ["data['a']", "data['b']", "data['7']"]),
        ({"t": TABLE[["a"]], "n": 3, "one": np.ones(1)}, ["data['t']['a']"]),
        (Pair(MATRIX[:, :1], [1.0, 2.0, 3.0, 4.0]), ["data['x'][:, 0]", "data['y']"]),
        ((MATRIX[:, 0], [TABLE["a"], "text"]), ["data[0]", "data[1][0]"]),
        ("text", []),
        (None, []),
    ],
)
def test_the_columns_of_data_and_data_with_another_column(data: Any, names: list[str]) -> None:
    found = columns(data)
    assert [column.name for column in found] == names
    for column in found:
        changed = with_column(data, column.place, column.values[::-1])
        again = columns(changed)
        assert type(changed) is type(data) and [c.name for c in again] == names
        for before, after in zip(found, again, strict=True):
            same = before.values[::-1] if before.name == column.name else before.values
            assert pd.Series(after.values).equals(pd.Series(same))
    assert [column.name for column in columns(data)] == names  # the data themselves are as they were


def test_what_is_missing_and_what_varies() -> None:
    a, b, seven = columns(TABLE)
    assert [c.missing.tolist() for c in (a, b, seven)] == [[False] * 4, *[[False, True, False, False]] * 2]
    assert all(c.varies for c in (a, b, seven))
    assert not any(c.varies for c in columns(pd.DataFrame({"a": [2.0, np.nan], "b": ["x", "x"], "c": [None, None]})))


def prepare(raw: Any, *, rows: Any, sign: float) -> Any:
    return rows(raw) * sign


def mean(data: Any, *, power: float) -> float:
    return float((data.a**power).mean())


@pytest.fixture(scope="module")
def plan() -> mv.Plan:
    """Three rows × two signs, of which one goes with all rows only, × two powers: 8 universes of 4 data sets."""
    space = mv.Space(
        rows=mv.preprocessing({"all": lambda t: t, "three": lambda t: t[1:], "two": lambda t: t[2:]}),
        sign=mv.preprocessing(plus=1.0, minus=-1.0),
        power=mv.decision("outcome", {"1": 1.0, "2": 2.0}),
    ).forbid("no", lambda rows, sign: rows != "all" and sign == "minus")
    study = mv.Study("small", data=TABLE[["a"]], prepare=prepare, estimate=mean, space=space)
    return mv.plan(study, progress=no_progress)


def test_data_sets_know_their_rows_their_universes_and_what_they_are_made_of(plan: mv.Plan) -> None:
    sets = data_sets(plan)
    assert [(of.rows, len(of.keys), of.labels["rows"]) for of in sets] == [
        (4, 2, "all"),
        (4, 2, "all"),
        (3, 2, "three"),
        (2, 2, "two"),
    ]
    assert sorted(key for of in sets for key in of.keys) == sorted(plan.keys)
    assert [list(of.prepared.index) for of in sets] == [list("pqrs"), list("pqrs"), list("qrs"), list("rs")]
    assert all(of.prepared.raw.equals(TABLE[["a"]]) for of in sets)


def test_the_options_that_single_universes_out(plan: mv.Plan) -> None:
    def keys(**labels: tuple[str, ...]) -> list[str]:
        return [key for key, u in plan.universes.items() if all(u[name] in some for name, some in labels.items())]

    assert options_of(plan, plan.keys) == {} and where(plan, plan.keys) == " in all universes"
    assert options_of(plan, keys(rows=("three", "two"))) == {"rows": ("three", "two")}
    assert where(plan, keys(rows=("three", "two"))) == " with rows='three' or 'two'"
    assert options_of(plan, keys(rows=("all",), power=("2",))) == {"rows": ("all",), "power": ("2",)}
    assert "lambda rows, power: (rows, power) == ('all', '2')" in forbidding(plan, keys(rows=("all",), power=("2",)))
    assert forbidding(plan, keys(rows=("three", "two"))) == ""

"""What prepare returns becomes NumPy arrays; what no model could use is said with the column's name."""

from __future__ import annotations

from collections import namedtuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from multiverse.planning.tidy import tidy

Pair = namedtuple("Pair", "y x")


def said(data) -> list[str]:
    return [problem.what for problem in tidy(data).problems]


@pytest.mark.parametrize(
    ("value", "array"),
    [
        (pd.Series([1.5, 2.5], index=[7, 9]), [1.5, 2.5]),
        (pd.Series([1, 2], dtype="Int64"), [1, 2]),
        (pd.Series([1.0, 2.0], dtype="Float64"), [1.0, 2.0]),
        (pd.Series([True, False], dtype="boolean"), [True, False]),
        (pd.Series([1, 2], dtype="category"), [1, 2]),
        (pd.Series([1, 2.5], dtype=object), [1.0, 2.5]),
        (jnp.array([1.0, 2.0]), [1.0, 2.0]),
        ([1, 2.5], [1.0, 2.5]),
        ((True, False), [True, False]),
        (np.array(3.0), 3.0),
    ],
)
def test_columns_and_lists_of_numbers_become_arrays(value, array):
    data, problems = tidy({"a": value})
    assert problems == []
    assert type(data["a"]) is np.ndarray
    np.testing.assert_array_equal(data["a"], array)
    assert data["a"].dtype.kind == np.asarray(array).dtype.kind


def test_a_table_becomes_a_dict_of_its_columns():
    data, problems = tidy(pd.DataFrame({"y": [1.0, 2.0], 3: [4, 5]}))
    assert problems == []
    assert list(data) == ["y", "3"]
    np.testing.assert_array_equal(data["3"], [4, 5])


def test_containers_keep_their_kind():
    data, problems = tidy(Pair(pd.Series([1.0]), {"z": [pd.Series([2.0]), "a name"]}))
    assert problems == []
    assert type(data) is Pair and type(data.y) is np.ndarray
    assert data.x["z"][1] == "a name"


def test_numbers_of_numpy_that_are_structure_become_numbers_of_python():
    data = tidy({"counties": np.int64(85), "flag": np.bool_(True), "scale": np.float32(0.5), "text": "a"}).data
    assert type(data["counties"]) is int and type(data["flag"]) is bool
    assert data["scale"].dtype == np.float32 and data["text"] == "a"


def test_nobody_can_change_the_data_in_place():
    mine = np.array([1.0, 2.0])
    data = tidy({"a": mine}).data
    with pytest.raises(ValueError, match="read-only"):
        data["a"] += 1
    mine[0] = 5.0
    assert data["a"][0] == 1.0


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (np.array([1.0, np.nan, np.nan]), "data['a'] is NaN in 2 of its 3 values, first in row 1."),
        (np.array([np.inf, 1.0]), "data['a'] is infinite in 1 of its 2 values, first in row 0."),
        (
            np.array([[1.0, -np.inf], [np.nan, 1.0]]),
            "data['a'] is NaN or infinite in 2 of its 4 values, first at (0, 1).",
        ),
        (pd.Series([1, None], dtype="Int64"), "data['a'] is NaN in 1 of its 2 values, first in row 1."),
        (pd.Series([True, None], dtype="boolean"), "data['a'] is NaN in 1 of its 2 values, first in row 1."),
        ([1.0, float("nan")], "data['a'] is NaN in 1 of its 2 values, first in row 1."),
        (float("nan"), "data['a'] is NaN in its value."),
        (np.zeros(0), "data['a'] is empty: it has shape (0,)."),
        (np.zeros((0, 3)), "data['a'] is empty: it has shape (0, 3)."),
        ([], "data['a'] is empty: it has shape (0,)."),
        (np.array([1, 2**31]), "data['a'] holds integers beyond 32 bits, such as 2147483648."),
        (np.array([-(2**40)]), "data['a'] holds integers beyond 32 bits, such as -1099511627776."),
        (np.array([2**63], dtype=np.uint64), "data['a'] holds integers beyond 32 bits, such as 9223372036854775808."),
        (pd.Series(["oak", "elm"]), "data['a'] holds text ('oak', ...), not numbers."),
        (np.array(["oak"]), "data['a'] holds text ('oak', ...), not numbers."),
        (
            pd.Series(["oak", "elm"], dtype="category"),
            "data['a'] holds values of dtype category ('oak', ...), not numbers.",
        ),
        (
            pd.to_datetime(pd.Series(["2020-01-01"])),
            "data['a'] holds dates or times, not numbers.",
        ),
        (np.array([1j]), "data['a'] holds complex numbers, not real ones."),
    ],
)
def test_what_a_model_cannot_use(value, what):
    assert said({"a": value}) == [what]


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31)])
def test_the_largest_integers_are_let_through(value):
    assert said({"a": np.array([value])}) == []


def test_where_in_the_data_it_is():
    data = {"a": [pd.Series([np.nan]), {"b": Pair(np.array([np.nan]), 1.0)}]}
    assert [text.split(" is ")[0] for text in said(data)] == ["data['a'][0]", "data['a'][1]['b'].y"]


def test_columns_of_one_name():
    (text,) = said(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]))
    assert text == "data has several columns named 'a'."
    assert said(pd.DataFrame([[1.0, 2.0]], columns=[1, "1"])) == ["data has several columns named '1'."]

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.interchange.plain import entry, is_plain, key, spelled

VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.text(), VALUES)
def test_a_plain_value_comes_back_as_it_was(name: str, value: object) -> None:
    line = entry(name, value)
    back = tomllib.loads(line)
    assert is_plain(value) and back == {name: value} and repr(back[name]) == repr(value)
    assert all(c.isprintable() or c == "\n" for c in line)


@pytest.mark.parametrize(
    "value", [(1,), None, 2**63, 1j, np.float64(1.0), {1: 2}, "\ud800", [(1,)], {"a": None}, print]
)
def test_what_a_file_would_change_is_not_plain(value: object) -> None:
    assert not is_plain(value)


def test_different_values_are_spelled_differently() -> None:
    values = [1, 1.0, True, "1", "true", [1], {"a": 1}, float("nan"), float("inf"), -0.0, 0.0, 0]
    assert len({spelled(value) for value in values}) == len(values)


def test_a_long_list_gets_a_line_an_item() -> None:
    text = entry("scaler", ["x" * 40] * 3)
    assert text.count("\n") == 4 and tomllib.loads(text) == {"scaler": ["x" * 40] * 3}
    assert key("five homes") == '"five homes"' and key("five-homes_5") == "five-homes_5"

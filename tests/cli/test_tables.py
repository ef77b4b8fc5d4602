"""Tables: they fit, they say what they leave out, and a cell is one line."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from multiverse.cli.cells import is_number, said
from multiverse.cli.tables import GAP, PROSE_LEAST, table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (np.float32("nan"), "-"),
        (pd.NA, "-"),
        (pd.NaT, "-"),
        (True, "true"),
        (np.bool_(False), "false"),
        (3, "3"),
        (3.0, "3"),
        (np.int64(12345678), "12345678"),
        (0.123456, "0.1235"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        ("two\nlines", "two lines"),
        (datetime(2026, 1, 2, 3, 4, 5, 678), "2026-01-02 03:04:05"),
        (pd.Timestamp(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04:05"),
        (np.arange(3), "[0, 1, 2]"),
        (list(range(9)), "[0, 1, 2, 3, ...]"),
    ],
)
def test_a_value_as_a_cell(value: object, text: str) -> None:
    assert said(value) == text


def test_bools_and_what_is_missing_are_no_numbers() -> None:
    assert [is_number(v) for v in (1, 0.5, np.float32(1), True, np.bool_(True), math.nan, "1", np.arange(2))] == (
        [True] * 3 + [False] * 5
    )


WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=60)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=4), st.integers(20, 120))
def test_no_line_is_wider_than_asked_and_no_column_is_lost_unsaid(rows: list[tuple[str, ...]], width: int) -> None:
    header = ["first", "second one", "third"]
    text, left_out = table(header, rows, width=width)
    assert all(cell_len(line) <= max(width, PROSE_LEAST) for line in text.splitlines())
    shown = text.splitlines()[0] if text else ""
    assert [name for name in header if name not in shown] == left_out or "…" in shown
    assert len(text.split("\n")) == 1 + len(rows)


def test_without_a_width_nothing_is_cut() -> None:
    text, left_out = table(["a", "b"], [["x" * 300, "y" * 300]], width=None)
    assert "x" * 300 in text and "y" * 300 in text and not left_out


def test_prose_is_wrapped_not_cut() -> None:
    words = "a sentence that is rather long for the room it gets, and must be read to its end"
    text, left_out = table(["n", "what to do"], [[1, words]], width=40, prose="what to do", indent=2)
    assert not left_out
    assert " ".join(text.split()).endswith(words)
    assert max(map(len, text.splitlines())) <= 40


def test_markup_in_a_label_is_text() -> None:
    assert "[bold]x[/bold]" in table(["a"], [["[bold]x[/bold]"]], width=40)[0]


def test_numbers_stand_right_words_left() -> None:
    lines = table(["n", "word"], [[1, "a"], [100, "bc"]], width=40)[0].splitlines()
    assert lines == ["  n" + " " * GAP + "word", "  1" + " " * GAP + "a", "100" + " " * GAP + "bc"]

"""The attempt that counts, against the slow obvious way."""

from __future__ import annotations

from datetime import datetime, timedelta

import hypothesis.strategies as st
import pyarrow as pa
from hypothesis import given

from multiverse.store.attempts import COLUMNS, distinct

SCHEMA = pa.schema(
    {
        "key": pa.string(),
        "run": pa.string(),
        "batch": pa.string(),
        "attempt": pa.int32(),
        "final": pa.bool_(),
        "finished": pa.timestamp("us"),
    }
)
WHEN = datetime(2026, 1, 1)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from("ab"),
            "run": st.sampled_from("xy"),
            "batch": st.sampled_from("pqr"),
            "attempt": st.integers(1, 3),
            "final": st.booleans(),
            "finished": st.sampled_from([None, WHEN, WHEN + timedelta(microseconds=1)]),
        }
    ),
    max_size=12,
    # a part holds an attempt once, and is finished at one moment
    unique_by=lambda row: (row["key"], row["run"], row["batch"], row["attempt"], row["final"]),
)


@given(rows)
def test_the_slow_way_agrees(given_rows: list[dict[str, object]]) -> None:
    found = distinct(pa.Table.from_pylist(given_rows, schema=SCHEMA)).to_pylist()
    once = {}
    for row in sorted(given_rows, key=lambda row: (not row["final"], -_moment(row), row["batch"])):
        once.setdefault((row["run"], row["key"], row["attempt"]), row)
    best: dict[object, tuple[object, object]] = {}
    for row in once.values():
        best[row["run"], row["key"]] = max(
            best.get((row["run"], row["key"]), (False, 0)), (row["final"], row["attempt"])
        )
    expected = [
        row | {"shown": best[row["run"], row["key"]] == (row["final"], row["attempt"])}
        for row in given_rows
        if once[row["run"], row["key"], row["attempt"]] is row
    ]
    assert found == expected


def _moment(row: dict[str, object]) -> float:
    at = row["finished"]
    return (at - WHEN).total_seconds() if isinstance(at, datetime) else -1.0


@given(rows)
def test_each_universe_of_a_run_counts_once(given_rows: list[dict[str, object]]) -> None:
    found = distinct(pa.Table.from_pylist(given_rows, schema=SCHEMA))
    shown = [(row["run"], row["key"]) for row in found.to_pylist() if row["shown"]]
    assert sorted(shown) == sorted({(row["run"], row["key"]) for row in given_rows})


def test_an_attempt_that_was_written_again_counts_as_it_was_written_last() -> None:
    old = {"key": "a", "run": "x", "batch": "p", "attempt": 1, "final": True, "finished": WHEN}
    new = old | {"batch": "q", "finished": WHEN + timedelta(hours=1)}
    for written in ([old, new], [new, old]):
        (row,) = distinct(pa.Table.from_pylist(written, schema=SCHEMA)).to_pylist()
        assert (row["batch"], row["shown"]) == ("q", True)


def test_nothing_is_nothing() -> None:
    assert distinct(SCHEMA.empty_table()).column_names == [*COLUMNS, "shown"]

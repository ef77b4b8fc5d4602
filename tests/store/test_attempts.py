"""The attempt that counts, against the slow obvious way."""

from __future__ import annotations

import hypothesis.strategies as st
import pyarrow as pa
from hypothesis import given

from multiverse.store.attempts import COLUMNS, distinct

SCHEMA = pa.schema(
    {"key": pa.string(), "run": pa.string(), "batch": pa.string(), "attempt": pa.int32(), "final": pa.bool_()}
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from("ab"),
            "run": st.sampled_from("xy"),
            "batch": st.sampled_from("pqr"),
            "attempt": st.integers(1, 3),
            "final": st.booleans(),
        }
    ),
    max_size=12,
    unique_by=lambda row: tuple(row.values()),
)


@given(rows)
def test_the_slow_way_agrees(given_rows: list[dict[str, object]]) -> None:
    found = distinct(pa.Table.from_pylist(given_rows, schema=SCHEMA)).to_pylist()
    once = {}
    for row in sorted(given_rows, key=lambda row: (not row["final"], row["batch"])):
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


@given(rows)
def test_each_universe_of_a_run_counts_once(given_rows: list[dict[str, object]]) -> None:
    found = distinct(pa.Table.from_pylist(given_rows, schema=SCHEMA))
    shown = [(row["run"], row["key"]) for row in found.to_pylist() if row["shown"]]
    assert sorted(shown) == sorted({(row["run"], row["key"]) for row in given_rows})


def test_nothing_is_nothing() -> None:
    assert distinct(SCHEMA.empty_table()).column_names == [*COLUMNS, "shown"]

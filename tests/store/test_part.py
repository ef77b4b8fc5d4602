"""What is written of an outcome is read back, whatever its names, shapes and holes."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from multiverse.engines.outcome import DrawsName, Interval, Outcome, Reason
from multiverse.errors import StoreError
from multiverse.store import parquet
from multiverse.store.draws_columns import draws_column, encode_draws, names_of, shape_column
from multiverse.store.part import SCHEMA, decode, encode, is_row_column
from multiverse.store.schema import DIAGNOSTICS, STATISTICS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BATCH: dict[str, Any] = {
    "run": "main",
    "engine": "nuts",
    "batch": "b",
    "program": "p",
    "rows_kept": {},
    "host": "h",
    "finished": NOON,
}

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
names = texts.filter(bool)
sql_names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
numbers = st.floats(width=64)
shapes = hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=3)
draws = st.sampled_from([np.float32, np.float64]).flatmap(lambda dtype: hnp.arrays(dtype, shapes))
draws_names = st.builds(lambda kind, name: str(DrawsName(kind, name)), st.sampled_from(["estimand", "site"]), names)
estimates = st.dictionaries(
    names, st.dictionaries(st.sampled_from(STATISTICS) | sql_names, numbers, max_size=3), max_size=3
)
outcomes = estimates.flatmap(
    lambda told: st.builds(
        Outcome,
        key=st.from_regex(r"[0-9a-f]{4}", fullmatch=True),
        reason=st.sampled_from(Reason),
        message=texts,
        traceback=texts,
        draws=st.dictionaries(draws_names, draws, max_size=3),
        estimates=st.just(told),
        intervals=st.dictionaries(st.sampled_from([*told, "nothing is told of this"]), st.sampled_from(Interval)),
        diagnostics=st.dictionaries(st.sampled_from(DIAGNOSTICS) | sql_names, numbers, max_size=3),
        seconds=st.floats(0, 1e6),
        attempt=st.integers(1, 9),
        final=st.booleans(),
    )
)


def defined(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: number for name, number in numbers.items() if not math.isnan(number)}


def kinds_of(outcome: Outcome) -> dict[str, Interval]:
    """The kind of interval of each estimate: credible where nothing is said."""
    return {name: outcome.intervals.get(name, Interval.credible) for name in outcome.estimates}


def assert_same(read: Outcome, written: Outcome) -> None:
    for name in ("key", "reason", "message", "traceback", "seconds", "attempt", "final", "ok"):
        assert getattr(read, name) == getattr(written, name)
    assert read.diagnostics == defined(written.diagnostics)
    assert list(read.estimates) == list(written.estimates)
    assert all(read.estimates[name] == defined(table) for name, table in written.estimates.items())
    assert kinds_of(read) == kinds_of(written)
    assert read.draws.keys() == written.draws.keys()
    for name, array in written.draws.items():
        np.testing.assert_array_equal(read.draws[name], array)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(outcomes, max_size=4))
def test_what_is_written_is_read_back(written: list[Outcome]) -> None:
    table = encode(written, **BATCH)
    file = io.BytesIO()
    parquet.write(table, file)
    for stored in (table, parquet.read(file)):
        read = decode(stored)
        assert len(read) == len(written)
        for one, other in zip(read, written, strict=True):
            assert_same(one, other)
    light = decode(parquet.read(file, is_row_column))
    for one, other in zip(light, written, strict=True):
        assert_same(one, other.light())


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(outcomes, max_size=2), max_size=3))
def test_parts_of_any_kind_can_be_read_together(batches: list[list[Outcome]]) -> None:
    together = parquet.union([SCHEMA.empty_table(), *(encode(batch, **BATCH) for batch in batches)])
    assert together.schema.names[: len(SCHEMA.names)] == SCHEMA.names
    written = [outcome for batch in batches for outcome in batch]
    for one, other in zip(decode(together), written, strict=True):
        assert_same(one, other)


@given(st.lists(st.builds(DrawsName, st.sampled_from(["estimand", "site", "density"]), names), max_size=5))
def test_columns_tell_names_apart_in_sql(found: list[DrawsName]) -> None:
    named = list(dict.fromkeys(map(str, found)))
    columns = [draws_column(name) for name in named]
    assert names_of(columns) == names_of([shape_column(name) for name in named]) == named
    folded = ["".join(chr(ord(c) | 32) if "A" <= c <= "Z" else c for c in column) for column in columns]
    assert len(set(folded)) == len(named)


def test_numbers_that_are_not_defined_are_null() -> None:
    row = encode(
        [Outcome("k", estimates={"effect": {"mean": 1.0, "rhat": math.nan}}, diagnostics={"rhat_max": math.nan})],
        **BATCH,
    ).to_pylist()[0]
    assert row["reason"] is None and row["message"] is None and row["traceback"] is None
    assert row["estimate:mean"] == [1.0] and row["estimate:rhat"] == [None] and row["diagnostic:rhat_max"] is None
    assert row["diagnostic:divergences"] is None and row["rows_kept"] is None
    lists, _ = encode_draws("site/b", [np.array([[1.0, np.nan]])])
    assert lists.to_pylist() == [[1.0, None]]


def test_what_a_batch_says_of_its_rows() -> None:
    told = BATCH | {
        "program": {"a": "p1"},
        "rows_kept": {"b": 7},
        "finished": NOON.astimezone(timezone(timedelta(hours=9))),
    }
    table = encode([Outcome("a"), Outcome("b", Reason.rhat)], **told)
    assert table["program"].to_pylist() == ["p1", None]
    assert table["rows_kept"].to_pylist() == [None, 7]
    assert table["finished"].to_pylist() == [NOON.replace(tzinfo=None)] * 2
    assert table["reason"].to_pylist() == [None, "rhat"]


def test_parts_older_than_the_kind_of_interval_hold_credible_ones() -> None:
    told = Outcome("k", estimates={"a": {"mean": 1.0}, "b": {"mean": 2.0}}, intervals={"b": Interval.none})
    table = encode([told], **BATCH)
    assert table["interval"].to_pylist() == [["credible", "none"]]
    old = table.drop_columns("interval")
    for stored in (old, parquet.union([SCHEMA.empty_table(), old])):
        (read,) = decode(stored)
        assert kinds_of(read) == {"a": Interval.credible, "b": Interval.credible}
    both = parquet.union([old, table])
    assert [kinds_of(outcome)["b"] for outcome in decode(both)] == ["credible", "none"]


def test_a_kind_of_interval_of_a_later_version() -> None:
    table = encode([Outcome("k", estimates={"a": {"mean": 1.0}})], **BATCH)
    later = table.set_column(table.column_names.index("interval"), "interval", pa.array([["fiducial"]]))
    with pytest.raises(StoreError, match="'fiducial'"):
        decode(later)


@pytest.mark.parametrize(
    ("given", "kept"), [(np.int8, np.float32), (np.bool_, np.float32), (np.int64, np.float64), (np.float16, np.float32)]
)
def test_other_numbers_become_floats(given: type[np.generic], kept: type[np.generic]) -> None:
    (outcome,) = decode(encode([Outcome("k", draws={"site/n": np.ones((2, 3), given)})], **BATCH))
    assert outcome.draws["site/n"].dtype == kept
    assert np.all(outcome.draws["site/n"] == 1)


def test_float32_stays() -> None:
    assert encode_draws("site/b", [np.ones((1, 2), np.float32), None])[0].type == pa.list_(pa.float32())


@pytest.mark.parametrize(
    ("draws", "says"),
    [
        ({"site/b": np.ones(3)}, r"shape \(3,\)"),
        ({"site/b": np.ones((1, 2), complex)}, "complex"),
        ({"site/b": np.array([["a"]])}, "real numbers"),
    ],
)
def test_draws_that_are_none(draws: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(StoreError, match=says):
        encode([Outcome("k", draws=draws)], **BATCH)


def test_draws_without_a_kind_are_a_mistake_of_the_engine() -> None:
    with pytest.raises(ValueError, match="'estimand/effect'"):
        encode([Outcome("k", draws={"effect": np.ones((1, 2))})], **BATCH)


def test_numbers_that_could_not_be_columns() -> None:
    with pytest.raises(StoreError, match="'Mean'"):
        encode([Outcome("k", estimates={"effect": {"Mean": 1.0}})], **BATCH)
    with pytest.raises(StoreError, match="2 mistakes"):
        encode([Outcome("k", diagnostics={"r-hat": 1.0, "9": 1.0})], **BATCH)


def test_a_reason_of_a_later_version() -> None:
    table = encode([Outcome("k", Reason.rhat)], **BATCH)
    later = table.set_column(table.column_names.index("reason"), "reason", pa.array(["boredom"]))
    with pytest.raises(StoreError, match="newer version"):
        decode(later)


def test_outcomes_without_draws_are_light() -> None:
    outcome = Outcome("k", draws={"site/b": np.ones((1, 2))}, diagnostics={"rhat_max": 1.0})
    assert not outcome.light().draws and outcome.light().diagnostics == outcome.diagnostics
    assert outcome.ok and not Outcome("k", Reason.ess).ok
    assert [reason for reason in Reason if not reason] == [Reason.ok]
    assert len({*map(str, Reason)}) == len(Reason)

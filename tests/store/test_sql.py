"""What `ask` makes of an answer on its way through batches: the same DataFrame as DuckDB's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pandas as pd
import pytest

from multiverse.errors import ResultError
from multiverse.store import synthetic
from multiverse.store.memory import MemoryStore
from multiverse.store.schema import VIEWS
from multiverse.store.sql import BATCH, ask
from multiverse.store.views import open_views


@pytest.fixture(scope="module")
def con() -> Iterator[Any]:
    store = MemoryStore()
    synthetic.fill(store)
    with closing(open_views(store)) as con:
        yield con


QUERIES = [
    *(f"from {view}" for view in VIEWS),
    "describe estimates",
    "summarize universes",
    "select sum(rows_kept) as whole, avg(seconds) as mean, max(finished) as at, 1.5::decimal(5, 2) as d from universes",
    "select case when tail is null then 1 end as n, case when tail is null then true end as yes from universes",
    "select date '2026-01-02' as day, time '12:00' as hour, interval 1 day as span, 'x'::blob as bytes, null as none",
    "select {'a': 1} as struct, map {'a': 1} as map, [true, null] as list, 1 as a, 2 as a",
    "select key, mean from estimates where false",
    f"select i, case when i > {BATCH} then 'x' end as late, case when i > {2 * BATCH} then null else i end as early "
    f"from range({3 * BATCH}) as t(i)",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_it_is_the_answer_of_duckdb_itself(con: Any, sql: str) -> None:
    pd.testing.assert_frame_equal(ask(con, sql), con.sql("select * from query(?)", params=[sql]).to_df())


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("select meen from estimates", "'mean'"),
        ("select e.meen from estimates as e", "'mean'"),
        ("from universes where famly = 'normal'", "'family'"),
        ("from estimtes", "'estimates'"),
        ("from failure", "'failures'"),
    ],
)
def test_the_nearest_name_is_told(con: Any, sql: str, hint: str) -> None:
    with pytest.raises(ResultError) as caught:
        ask(con, sql)
    assert f"mend: Did you mean {hint}?  Use the names of" in str(caught.value)
    assert "pg_" not in str(caught.value)

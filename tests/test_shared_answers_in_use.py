"""Answers that exact duplicates share, in use: estimands, reruns, verification, functions, aggregates, archives."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

import multiverse as mv
from multiverse.planning.build import plan
from multiverse.planning.estimand import Estimand
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run


@pytest.fixture(scope="module")
def both(clipped_mean: ModuleType) -> Plan:
    """Two universes, and a duplicate of each."""
    found: Plan = clipped_mean.planned("not", "at 100", priors=2)
    return found


@pytest.fixture(scope="module")
def sampled(both: Plan, normal_mean: ModuleType, small_run: Results) -> Results:
    """Sampled by NUTS, in the program that `small_run` has compiled."""
    return run(both, engine=normal_mean.QUICK, keep="all", progress=no_progress)


def copied(results: Results) -> MemoryStore:
    assert isinstance(results.store, MemoryStore)
    return MemoryStore(dict(results.store.files))


def test_a_new_estimand_is_computed_for_all_of_them(both: Plan, sampled: Results, normal_mean: ModuleType) -> None:
    """And they end as if it had been asked from the beginning."""
    asks = {"mu": "mu", "twice": "twice"}
    more = replace(both, wanted=replace(both.wanted, estimands=tuple(Estimand(n, a) for n, a in asks.items())))
    later, whole = copied(sampled), MemoryStore()
    for store in (later, whole):
        run(more, store=store, engine=normal_mean.QUICK, keep="all", progress=no_progress)
    asked = "select key, estimand, same_as, mean from estimates join universes using (key, run) order by all"
    one, other = (Results(store, "main").sql(asked) for store in (later, whole))
    assert one["same_as"].notna().sum() == 4
    assert one["mean"].tolist() == pytest.approx(other["mean"].tolist())
    assert one.drop(columns="mean").equals(other.drop(columns="mean"))
    assert one.groupby("estimand")["mean"].nunique().tolist() == [2, 2]


def test_a_twin_has_the_same_bits_again(both: Plan, sampled: Results, clipped_mean: ModuleType) -> None:
    """Answered with its own data, and the random numbers of the one that was run."""
    twin, first = (clipped_mean.key_of(both, clipped, "unit") for clipped in ("at 100", "not"))
    again = sampled.rerun(twin, progress=no_progress)
    assert again.same and again.same_as == first and again.outcome.key == again.key == twin
    assert f"exact duplicate of {first}" in repr(again).replace("\n    ", " ")
    assert sampled.rerun(first, progress=no_progress).same_as is None


def test_a_store_with_twins_is_verified(both: Plan, sampled: Results) -> None:
    found = sampled.verify(both, n=None, progress=no_progress)
    assert found.ok and {one.finding.value for one in found.checked} == {"same"} and len(found.checked) == 4
    assert found.shared == 2 and "2 of them share the answer of an exact duplicate" in repr(found)
    assert sampled.verify(both, n=1, seed=1, progress=no_progress).ok


def test_a_twin_whose_row_was_changed_is_found(both: Plan, sampled: Results, clipped_mean: ModuleType) -> None:
    store = MemoryStore()
    for kind in ("study", "plan", "run", "part"):
        for name in sampled.store.names(kind):
            table = sampled.store.get(kind, name)
            if kind == "part" and table["same_as"].null_count < table.num_rows:
                at = table.column_names.index("estimate:mean")
                changed = [[value + 1.0 for value in row] for row in table["estimate:mean"].to_pylist()]
                table = table.set_column(at, table.schema.field(at), [changed])
            store.put(kind, name, table)
    found = Results(store, "main").verify(both, n=None, progress=no_progress)
    wrong = {one.key for one in found.checked if one.finding.value == "different"}
    assert wrong == {clipped_mean.key_of(both, "at 100", prior) for prior in ("wide", "unit")}


def test_a_store_that_is_older_than_the_column(both: Plan, sampled: Results, tmp_path: Path) -> None:
    store, fresh = FolderStore(tmp_path / "store"), MemoryStore()
    for kind in ("study", "plan", "run", "part"):
        for name in sampled.store.names(kind):
            table = sampled.store.get(kind, name)
            old = table.drop_columns(["same_as"]) if kind == "part" else table
            store.put(kind, name, old)
            fresh.put(kind, name, old)
    for results in (Results(store, "main"), Results(fresh, "main")):
        assert results.sql("select count(*) as n, count(same_as) as shared from universes").iloc[0].tolist() == [4, 0]
        assert results.summary().counts.duplicates == 0
    with closing(duckdb.connect()) as con:
        Results(store, "main").attach(con, "old")
        assert con.sql("select count(*), count(same_as) from old.universes").fetchall() == [(4, 0)]


def test_aggregates_and_the_caption_say_that_duplicates_weigh(both: Plan, sampled: Results) -> None:
    estimates = sampled.estimates()
    assert estimates.counts.duplicates == 2
    assert sorted(key for key in estimates.table["same_as"] if key) == sorted(both.twins.values())
    for said in (sampled.summary(), sampled.agreement(), sampled.attribution(), sampled.uncertainty()):
        assert "2 share the answer of an exact duplicate, and each counts" in repr(said)
    assert "2 of them share the answer of an exact duplicate, and each counts." in sampled.curve().caption


def test_an_archive_says_who_shares(sampled: Results, tmp_path: Path) -> None:
    sampled.export(tmp_path / "csv", draws=False, progress=no_progress)
    rows = pd.read_csv(tmp_path / "csv" / "universes.csv")
    assert set(rows["same_as"].dropna()) == set(rows.loc[rows["same_as"].isna(), "key"])


def draw(data: Mapping[str, Any], *, scale: float, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(data["y"].mean() + scale * rng.normal(size=(2, 500)))


def test_a_function_that_draws_is_called_once_for_twins(clipped_mean: ModuleType, normal_mean: ModuleType) -> None:
    """The same analysis with the same random numbers twice is the same analysis: sharing it is right."""
    space = mv.Space(
        dropped=mv.preprocessing({"none": 0}),
        clipped=mv.preprocessing(clipped_mean.CLIPPED),
        scale=mv.prior({"one": 1.0, "two": 2.0}),
    )
    study = mv.Study(
        "drawing", data={"y": normal_mean.Y}, prepare=clipped_mean.clip, estimate=draw, estimands=["m"], space=space
    )
    planned = plan(study, progress=no_progress)
    results = run(planned, progress=no_progress)
    assert len(planned.twins) == 4
    values = results.draws("m", keys=planned.keys)["m"].values
    for i, key in enumerate(planned.keys):
        first = planned.keys.index(planned.twins.get(key, key))
        np.testing.assert_array_equal(values[i], values[first])
    assert len({value.tobytes() for value in values}) == 2
    assert results.rerun(next(iter(planned.twins)), progress=no_progress).same

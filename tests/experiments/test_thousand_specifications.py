"""A thousand regressions: statsmodels and JAX say the same, universe by universe."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiverse as mv
from multiverse.loading import load_study

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments" / "benchmarks" / "thousand_specifications"
if str(FOLDER) not in sys.path:  # as `multiverse run` does for the modules beside a study
    sys.path.append(str(FOLDER))

by_jax = importlib.import_module("by_jax")
smokers = importlib.import_module("smokers")

SAME = 1e-6  # kg, of estimates and standard errors: what the benchmark promises
PLAINLY = 8  # universes that are called through statsmodels one by one here; the slow test has all
SHA256 = "097eb6fe3c4d4530c8f7dcc292ae94e83e03aac6160b9fd8573c177642560377"


@pytest.fixture(scope="module")
def statsmodels_study() -> mv.Study:
    return load_study(FOLDER / "by_statsmodels.py").study


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """All universes, planned and run through JAX."""
    study = load_study(FOLDER / "by_jax.py").study
    return mv.run(mv.plan(study), store=tmp_path_factory.mktemp("jax") / "store").table()


def test_all_universes_are_answered_in_one_compiled_program(table: pd.DataFrame) -> None:
    assert len(table) == 1000 and table["ok"].all()
    assert table["program"].nunique() == 1
    assert set(table["interval"]) == {"confidence"}


def test_the_reference_universe_is_what_r_prints_for_the_published_regression(table: pd.DataFrame) -> None:
    reference = table[table["reference"]].squeeze()
    # R code of Hernan & Robins 2020, chapter 15, summary(fit2): qsmk 3.4626218, standard error 0.4384543.
    assert reference["mean"] == pytest.approx(3.4626218, abs=5e-8)
    assert reference["sd"] == pytest.approx(0.4384543, abs=5e-8)


def test_statsmodels_says_the_same(table: pd.DataFrame, statsmodels_study: mv.Study) -> None:
    raw = statsmodels_study.load()
    for _, row in table.sample(PLAINLY, random_state=0).iterrows():
        given = {name: d.option(row[name]).value for name, d in statsmodels_study.space.decisions.items()}
        prepared = statsmodels_study.prepare(raw, people=given.pop("people"), outliers=given.pop("outliers"))
        told = statsmodels_study.estimate(prepared, **given)
        assert abs(row["mean"] - told.value) < SAME and abs(row["sd"] - told.se) < SAME


def test_decisions_move_what_they_should(table: pd.DataFrame) -> None:
    decisions = ["people", "outliers", "history", "weight", "lifestyle"]
    spread = table.groupby(decisions)[["mean", "sd"]].agg(np.ptp)
    assert (spread["mean"] < 1e-12).all()  # the kind of standard error does not move the estimate
    assert (spread["sd"] > 1e-6).all()
    wide = table.pivot(index=decisions, columns="errors", values="sd")
    assert (wide["HC0"] < wide["HC1"]).all() and (wide["HC2"] < wide["HC3"]).all()


@functools.cache
def inverse_within() -> Any:
    """Compiled once for all examples."""
    import jax

    return jax.jit(by_jax.inverse_within)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_columns_that_are_not_used_are_as_if_they_were_not_there(seed: int, count: int) -> None:
    import jax

    rng = np.random.default_rng(seed)
    design = rng.normal(size=(20, 6))
    used = np.zeros(6)
    used[rng.permutation(6)[:count]] = 1.0
    at = np.flatnonzero(used)
    expected = np.zeros((6, 6))
    expected[np.ix_(at, at)] = np.linalg.inv(design[:, at].T @ design[:, at])
    with jax.enable_x64(True):
        found = np.asarray(inverse_within()(design.T @ design, used))
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_data_are_those_of_the_readme() -> None:
    file = FOLDER / "data" / "nhefs.csv"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == SHA256
    assert SHA256 in (FOLDER / "data" / "README.md").read_text()


def test_every_design_that_is_chosen_has_full_rank(statsmodels_study: mv.Study) -> None:
    raw, decisions = statsmodels_study.load(), statsmodels_study.space.decisions
    for people in decisions["people"].options:
        for outliers in decisions["outliers"].options:
            data: Any = statsmodels_study.prepare(raw, people=people.value, outliers=outliers.value)
            kept = data["kept"] == 1.0
            assert np.linalg.matrix_rank(data["design"][kept]) == smokers.BLOCKS.shape[1]
            assert kept.mean() > 0.7


@pytest.mark.slow
def test_all_ways_agree_in_all_universes(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "compare.py", "--repeats", "1"],
        cwd=FOLDER,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,  # it fails where a way differs from the loop by more than 1e-6, or answers fewer universes
    ).stdout
    rows = [line for line in said.splitlines() if line.startswith(("| loop", "| multiverse"))]
    assert len(rows) == 6

"""Missing values that became numbers are found; imputations that may be defended are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiverse as mv
from multiverse.linting.coded_missing import coded_missing
from multiverse.linting.finding import Finding
from multiverse.progress import no_progress

ROWS = 60
SOURCE = np.random.default_rng(4)
GAPS = np.arange(ROWS) % 6 == 1  # 10 rows
AGE = SOURCE.integers(18, 66, size=ROWS).astype(float)
TABLE = pd.DataFrame(
    {
        "y": SOURCE.normal(size=ROWS),
        "age": np.where(GAPS, np.nan, AGE),
        "lead": np.where(GAPS, np.nan, SOURCE.lognormal(size=ROWS) + 0.5),
        "city": [None if GAPS[i] else ["Bath", "Ely", "York"][i % 3] for i in range(ROWS)],
    },
    index=[f"person {i}" for i in range(ROWS)],
)


def found(prepare: Any, estimate: Any, data: Any = TABLE, **space: Any) -> list[Finding]:
    study = mv.Study("gaps", data=data, prepare=prepare, estimate=estimate, space=mv.Space(**space))
    return list(coded_missing(mv.plan(study, progress=no_progress)))


def slope(data: Any) -> float:
    return float(np.polyfit(np.asarray(data["age"], dtype=float), np.asarray(data["y"]), 1)[0])


# ------------------------------------------------------------------------------------------------ filled in prepare
def filled(raw: Any, *, gaps: Callable[[Any], Any], people: str) -> Any:
    table = gaps(raw)
    return table[table.y > 0] if people == "lucky" else table


GAP_OPTIONS = mv.preprocessing(
    {
        "dropped": lambda t: t.dropna(subset=["age"]),
        "mean": lambda t: t.assign(age=t.age.fillna(t.age.mean())),
        "median": lambda t: t.assign(age=t.age.fillna(t.age.median())),
        "minus nine": lambda t: t.assign(age=t.age.fillna(-9)),
        "zero": lambda t: t.assign(age=t.age.fillna(0)),
    }
)
PEOPLE = mv.preprocessing(all="all", lucky="lucky")


def test_the_numbers_that_fill_and_the_rows_that_have_them() -> None:
    nine, zero = found(filled, slope, gaps=GAP_OPTIONS, people=PEOPLE)
    for one, number, label in ((nine, "-9", "minus nine"), (zero, "0", "zero")):
        assert one.what.startswith(
            f"data['age'] is {number} in 10 of 60 rows where the raw table has no value with gaps={label!r}; "
            f"all others lie between {np.nanmin(TABLE.age):.6g} and {np.nanmax(TABLE.age):.6g}"
        )
        assert len(one.universes) == 2 and f"gaps == {label!r}" in one.mend


def standardised(raw: Any, *, people: str) -> Any:
    table = filled(raw, gaps=lambda t: t.assign(age=t.age.fillna(99)), people=people)
    return {"age": (table.age - table.age.mean()).to_numpy(), "y": table.y.to_numpy()}


def test_a_filled_column_that_was_transformed_afterwards_where_rows_can_be_matched() -> None:
    [one] = found(standardised, slope, people=mv.preprocessing(all="all"))
    assert "data['age'] is" in one.what and "in 10 of 60 rows" in one.what


def by_code(raw: Any) -> Any:
    return {"y": raw.y.to_numpy(), "city": raw.city.astype("category").cat.codes.to_numpy()}


def level_of_city(data: Any) -> float:
    return float(np.array([1.0, 2.0, 3.0])[data["city"]] @ data["y"])


def test_categories_whose_missing_ones_are_minus_one() -> None:
    """An index of -1 is the last city."""
    [one] = found(by_code, level_of_city)
    assert one.what.startswith("data['city'] is -1 in 10 of 60 rows where the raw table has no value")


def slope_of_lead(data: Any) -> float:
    return slope({"age": data["lead"], "y": data["y"]})


def both(data: Any) -> float:
    return float(np.linalg.lstsq(np.column_stack([data["age"], data["unknown"]]), data["y"])[0][0])


def with_indicator(raw: Any) -> Any:
    return raw.assign(age=raw.age.fillna(0), unknown=raw.age.isna().astype(float))


def knows(data: Any) -> float:
    return slope(data[data.age != -99])


@pytest.mark.parametrize(
    ("prepare", "estimate"),
    [
        pytest.param(
            lambda t: t.assign(lead=t.lead.fillna(t.lead.min() / 2**0.5)), slope_of_lead, id="detection limit"
        ),
        pytest.param(with_indicator, both, id="beside a covariate that says where"),
        pytest.param(
            lambda t: {
                "y": t.y.to_numpy(),
                "city": t.city.fillna("unknown").astype("category").cat.codes.to_numpy() % 3,
            },
            level_of_city,
            id="a category of its own",
        ),
        pytest.param(lambda t: t.assign(age=t.age.fillna(-99)), knows, id="a code that the function knows"),
        pytest.param(lambda t: t.assign(lead=t.lead.fillna(-99), age=AGE), slope, id="a column that is not used"),
        pytest.param(
            lambda t: t.assign(age=((t.age - t.age.mean()) / t.age.std()).fillna(0)), slope, id="zero is the mean"
        ),
    ],
)
def test_what_may_be_defended_is_no_finding(prepare: Any, estimate: Any) -> None:
    assert found(prepare, estimate) == []


# ------------------------------------------------------------------------------------------------ in the raw table
def test_codes_that_were_in_the_raw_table() -> None:
    coded = TABLE.assign(age=np.where(GAPS, np.where(np.arange(ROWS) > 50, -8, -99), AGE))
    [one] = found(None, slope, coded)
    assert one.what.startswith("data['age'] is -99 in 9 of 60 rows, a usual code for missing values")
    assert "table['age'].replace(-99, np.nan)" in one.mend


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["normal", "lognormal", "integers", "percent", "oldest"]))
def test_honest_columns_are_silent(seed: int, kind: str) -> None:
    source = np.random.default_rng(seed)
    age = {
        "normal": lambda: source.normal(scale=100, size=ROWS).round(),
        "lognormal": lambda: source.lognormal(5, 2, size=ROWS).round(),
        "integers": lambda: source.integers(-10, 11, size=ROWS).astype(float),
        "percent": lambda: source.integers(0, 101, size=ROWS).astype(float),
        "oldest": lambda: np.append(source.integers(18, 95, size=ROWS - 2), [99, 99]).astype(float),
    }[kind]()
    assert found(None, slope, TABLE.assign(age=age)) == []

"""Columns that preprocessing makes constant; and constants that somebody chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd

import multiverse as mv
from multiverse.linting.constant_columns import constant_columns
from multiverse.linting.finding import Finding
from multiverse.progress import no_progress

ROWS = 30
SOURCE = np.random.default_rng(8)
TABLE = pd.DataFrame(
    {
        "y": SOURCE.normal(size=ROWS),
        "x": SOURCE.normal(size=ROWS),
        "female": np.arange(ROWS) % 3 == 0,
        "city": np.where(np.arange(ROWS) % 5 == 0, "Ely", "Bath"),
        "weight": SOURCE.uniform(1, 2, size=ROWS),
        "one": np.ones(ROWS),
    }
)
PEOPLE = mv.preprocessing({"all": lambda t: t, "women": lambda t: t[t.female], "Ely": lambda t: t[t.city == "Ely"]})


def found(estimate: Any, space: mv.Space, prepare: Any, data: Any = TABLE) -> list[Finding]:
    study = mv.Study("constants", data=data, prepare=prepare, estimate=estimate, space=space)
    return list(constant_columns(mv.plan(study, progress=no_progress)))


def prepare(raw: Any, *, people: Any) -> Any:
    return people(raw)


def by_sex(data: Any) -> float:
    return float(np.linalg.lstsq(np.column_stack([data.one, data.female, data.x]), data.y)[0][1])


def by_x(data: Any) -> float:
    return float(np.polyfit(data.x, data.y, 1)[0])


def test_a_column_that_a_filter_makes_constant_and_the_function_uses() -> None:
    [one] = found(by_sex, mv.Space(people=PEOPLE), prepare)
    assert one.what.startswith("data['female'] is True in all 10 rows with people='women'")
    assert "2 different values in 30 rows" in one.what and len(one.universes) == 1
    assert "people == 'women'" in one.mend


def test_a_column_that_the_function_does_not_use() -> None:
    assert found(by_x, mv.Space(people=PEOPLE), prepare) == []


def weighted(raw: Any, *, people: Any, weights: str) -> Any:
    kept = people(raw)
    return kept.assign(weight=kept.weight if weights == "survey" else 1.0)


def mean(data: Any) -> float:
    return float(np.average(data.y, weights=data.weight))


def test_a_constant_that_is_an_option_and_a_column_of_ones() -> None:
    space = mv.Space(people=PEOPLE, weights=mv.preprocessing(survey="survey", none="none"))
    assert found(mean, space, weighted) == []


def misspelt(raw: Any) -> Any:
    return {"y": raw.y.to_numpy(), "city": (raw.city == "ely").to_numpy(), "one": raw.one.to_numpy()}


def of_city(data: Any) -> float:
    return float(np.mean(data["y"] * (1 + data["city"]) * data["one"]))


def test_a_column_that_is_constant_in_all_universes_and_varies_in_the_raw_table() -> None:
    [one] = found(of_city, mv.Space(), misspelt)
    assert one.what.startswith("data['city'] is False in all 30 rows, where it has 2 different values in 30 raw rows")


def model(data: Any, *, slope: Any) -> None:
    b = numpyro.sample("b", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["female"] + data["one"], 1.0), obs=data["y"])


def arrays(raw: Any, *, people: Any) -> Any:
    kept = people(raw)
    return {"y": kept.y, "female": kept.female.astype(float), "x": kept.female * 1.0, "one": kept.one}


def test_of_a_model_the_columns_that_its_log_joint_depends_on(quick_plan: Callable[[mv.Study], mv.Plan]) -> None:
    slope = mv.prior(weak=dist.Normal(0, 10), sceptical=dist.Normal(0, 1))
    study = mv.Study(
        "constants",
        data=TABLE,
        prepare=arrays,
        model=model,
        estimands={"b": "b"},
        space=mv.Space(people=PEOPLE, slope=slope),
    )
    [one] = constant_columns(quick_plan(study))
    assert one.what.startswith("data['female'] is 1.0 in all 10 rows with people='women'")
    assert len(one.universes) == 2

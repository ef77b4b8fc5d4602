"""Options that keep a tiny share of the rows; and tables with a row for each group, which keep all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import multiverse as mv
from multiverse.linting.finding import Finding
from multiverse.linting.tiny_share import tiny_share
from multiverse.progress import no_progress

ROWS = 400
TABLE = pd.DataFrame(
    {"y": np.linspace(-1, 1, ROWS) ** 3, "age": np.arange(ROWS) % 80, "town": [f"town {i % 13}" for i in range(ROWS)]}
)


def found(prepare: Any, **space: Any) -> list[Finding]:
    study = mv.Study("shares", data=TABLE, prepare=prepare, estimate=mean, space=mv.Space(**space))
    return list(tiny_share(mv.plan(study, progress=no_progress)))


def mean(data: Any) -> float:
    return float(data.y.mean())


def by_age(raw: Any, *, ages: Any, sign: str) -> Any:
    kept = raw[raw.age.between(*ages)]
    return kept[kept.y > 0] if sign == "positive" else kept


AGES = mv.preprocessing({"all": (0, 99), "20 to 64": (20, 64), "centenarians": (77, 99), "under ten": (0, 6)})
SIGN = mv.preprocessing(any="any", positive="positive")


def test_an_option_and_a_combination_of_options() -> None:
    option, combination = found(by_age, ages=AGES, sign=SIGN)
    assert option.what.startswith("ages='centenarians' keeps 9 to 15 rows of 400, 3.8 % at most")
    assert "5.2 times as large" in option.what and len(option.universes) == 2
    assert "ages == 'centenarians'" in option.mend
    assert combination.what.startswith("ages='under ten' and sign='positive' keep 14 rows of 400")
    assert len(combination.universes) == 1


def test_an_option_at_the_threshold_is_silent() -> None:
    ages = mv.preprocessing({"all": (0, 99), "four years": (0, 3)})  # 20 of 400: five in a hundred
    assert found(by_age, ages=ages, sign=mv.preprocessing(any="any")) == []


def towns(raw: Any, *, unit: str) -> Any:
    return raw if unit == "person" else raw.groupby("town", as_index=False)[["y", "age"]].mean()


def test_a_row_for_each_group_is_no_share() -> None:
    assert found(towns, unit=mv.preprocessing(person="person", town="town")) == []


def test_no_rows_at_all_for_a_function_which_may_take_them() -> None:
    [nothing] = found(lambda raw, *, most: raw[raw.age < most], most=mv.preprocessing({"80": 80, "0": 0}))
    assert "no rows are left in 1 of 2 prepared data sets" in nothing.what
    assert nothing.named == "most=0" and len(nothing.universes) == 1 and "forbid" in nothing.mend
    study = mv.Study("empty", data=np.array([]), estimate=lambda data: float(data.sum()))
    [nothing] = tiny_share(mv.plan(study, progress=no_progress))
    assert "no rows are left in 1 of 1 prepared data sets" in nothing.what

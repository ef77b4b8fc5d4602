"""1,000 regressions of the same question: how many kg more did smokers gain who quit? What both ways share.

The first option of each decision is the regression of Hernan & Robins 2020, chapter 15, without its product term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import multiverse as mv

Array = NDArray[np.float64]

QUIT = 1  # the column of the design whose coefficient is asked for
BLOCKS = np.repeat(np.eye(4), [10, 4, 2, 4], axis=1)
"""(block, column): the design's columns that are always used, then those of history, weight and lifestyle."""


def load() -> pd.DataFrame:
    return pd.read_csv(Path(__file__).parent / "data" / "nhefs.csv").astype(float)


# ------------------------------------------------------------------------------------------------- preprocessing
def everybody(smokers: pd.DataFrame) -> Any:
    return smokers.age > 0


def below_65(smokers: pd.DataFrame) -> Any:
    return smokers.age < 65


def five_a_day(smokers: pd.DataFrame) -> Any:
    return smokers.cigarettes >= 5


def ten_years(smokers: pd.DataFrame) -> Any:
    return smokers.years >= 10


def common_weights(smokers: pd.DataFrame) -> Any:
    return smokers.weight.between(45, 110)


def kept(gained: Array, chosen: Any) -> tuple[Array, Any]:
    return gained, chosen


def within_three_sd(gained: Array, chosen: Any) -> tuple[Array, Any]:
    deviation = np.abs(gained - gained[chosen].mean()) / gained[chosen].std()
    return gained, chosen & (deviation <= 3.0)


def within_25_kg(gained: Array, chosen: Any) -> tuple[Array, Any]:
    return gained, chosen & (np.abs(gained) <= 25.0)


def without_extreme_hundredths(gained: Array, chosen: Any) -> tuple[Array, Any]:
    low, high = np.quantile(gained[chosen], [0.01, 0.99])
    return gained, chosen & (gained >= low) & (gained <= high)


def winsorized(gained: Array, chosen: Any) -> tuple[Array, Any]:
    return np.clip(gained, *np.quantile(gained[chosen], [0.01, 0.99])), chosen


def prepare(
    raw: pd.DataFrame, *, people: Callable[..., Any], outliers: Callable[..., tuple[Array, Any]]
) -> dict[str, Array]:
    """All 1,566 rows, and which of them are kept: data sets of one shape are one program."""
    gained, chosen = outliers(raw.gained.to_numpy(), people(raw).to_numpy())
    return {"gained": gained, "design": design(raw), "kept": chosen.astype(float)}


def design(smokers: pd.DataFrame) -> Array:
    """Columns (row, 20): constant, quit, then the covariates. Numbers are standardized before they are squared."""

    def curved(name: str) -> list[Any]:
        z = (smokers[name] - smokers[name].mean()) / smokers[name].std()
        return [z, z**2]

    def levels(name: str) -> list[Any]:
        return [smokers[name] == level for level in np.unique(smokers[name])[1:]]

    always = [smokers.quit * 0 + 1, smokers.quit, smokers.sex, smokers.race, *curved("age"), *levels("education")]
    history = [*curved("cigarettes"), *curved("years")]
    lifestyle = [*levels("exercise"), *levels("active")]
    return np.column_stack([*always, *history, *curved("weight"), *lifestyle]).astype(float)


# ------------------------------------------------------------------------------------------------- the space
IN_OR_OUT = {"in": 1.0, "out": 0.0}


def space(errors: Mapping[str, Any]) -> mv.Space:
    """1,000 universes; `errors` says for each kind of standard error what the way of computing needs to know."""
    return mv.Space(
        people=mv.preprocessing(
            {
                "everybody": everybody,
                "below 65": below_65,
                "5 cigarettes a day or more": five_a_day,
                "10 years of smoking or more": ten_years,
                "45 to 110 kg": common_weights,
            },
            why={
                "below 65": "the old lose weight because they are ill",
                "5 cigarettes a day or more": "who smokes less has little to quit",
                "10 years of smoking or more": "a habit, not an attempt",
                "45 to 110 kg": "few quitters to compare with outside",
            },
        ),
        outliers=mv.preprocessing(
            {
                "kept": kept,
                "beyond 3 sd dropped": within_three_sd,
                "beyond 25 kg dropped": within_25_kg,
                "extreme hundredths dropped": without_extreme_hundredths,
                "extreme hundredths capped": winsorized,
            },
            why={
                "beyond 3 sd dropped": "a rule of thumb",
                "beyond 25 kg dropped": "illness or error",
                "extreme hundredths dropped": "as many from each end",
                "extreme hundredths capped": "they count, but not by how far they are out",
            },
        ),
        history=mv.decision("covariates", IN_OR_OUT, why={"out": "how much one smoked is part of what quitting means"}),
        weight=mv.decision("covariates", IN_OR_OUT, why={"out": "a baseline inside its own change invites regression"}),
        lifestyle=mv.decision("covariates", IN_OR_OUT, why={"out": "self-reported, and weakly related to quitting"}),
        errors=mv.decision(
            "standard error",
            errors,
            why={
                "classical": "as published",
                "HC0": "White 1980",
                "HC1": "what Stata calls robust",
                "HC2": "unbiased where errors are alike",
                "HC3": "cautious in small samples: Long & Ervin 2000",
            },
        ),
    )

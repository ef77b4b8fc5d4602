"""The thousand regressions through statsmodels, called universe by universe."""

from __future__ import annotations

from typing import Any

import statsmodels.api as sm
from smokers import BLOCKS, QUIT, load, prepare, space

import multiverse as mv


def estimate(data: Any, *, history: float, weight: float, lifestyle: float, errors: str) -> mv.Estimate:
    used = ([1.0, history, weight, lifestyle] @ BLOCKS) == 1.0
    rows = data["kept"] == 1.0
    fit = sm.OLS(data["gained"][rows], data["design"][rows][:, used]).fit(cov_type=errors, use_t=True)
    return mv.Estimate(fit.params[QUIT], se=fit.bse[QUIT], df=fit.df_resid)


study = mv.Study(
    name="thousand regressions by statsmodels",
    data=load,
    prepare=prepare,
    estimate=estimate,
    estimands="kg gained by quitting",
    space=space({"classical": "nonrobust", "HC0": "HC0", "HC1": "HC1", "HC2": "HC2", "HC3": "HC3"}),
)

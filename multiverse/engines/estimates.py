"""The numbers reported of a scalar's draws: the statistics of the view `estimates`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from multiverse.engines.diagnostics import Floats, convergence, in_blocks, mcse_mean, quantile

QUANTILES = {"q2_5": 0.025, "q25": 0.25, "median": 0.5, "q75": 0.75, "q97_5": 0.975}  # of 50 and 95 % intervals


def summarise(draws: ArrayLike) -> dict[str, Floats]:
    """Statistic -> (n,) float64, of MCMC draws (n, chain, draw); all are NaN for a scalar with a draw not finite.

    In the unit of the draws: mean, sd (of draws, over n - 1), median, q2_5, q25, q75, q97_5 (linear interpolation, as
    `np.quantile`), mcse_mean (Monte Carlo standard error of the mean). Without unit: p_positive (the share of draws
    above zero), rhat. In draws: ess (bulk), ess_tail. The rules of the last four are those of `diagnostics`.
    Raises ValueError if the draws have not three axes.
    """
    names = ("mean", "sd", "p_positive", *QUANTILES)
    located = dict(zip(names, in_blocks(_location, draws, len(names), least=1), strict=True))
    judged = convergence(draws)
    judgement = {"ess": judged.ess_bulk, "ess_tail": judged.ess_tail, "rhat": judged.rhat}
    order = ("mean", "sd", "median", "q2_5", "q25", "q75", "q97_5", "p_positive")
    return {name: located[name] for name in order} | {"mcse_mean": mcse_mean(draws)} | judgement


def _location(x: Floats) -> tuple[Floats, ...]:
    ascending = np.sort(x.reshape(x.shape[0], -1), axis=1)
    mean, positive = ascending.mean(axis=1), (ascending > 0).mean(axis=1)
    sd = ascending.std(axis=1, ddof=1) if ascending.shape[1] > 1 else np.full_like(mean, np.nan)
    return mean, sd, positive, *(quantile(ascending, p) for p in QUANTILES.values())

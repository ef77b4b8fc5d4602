"""The numbers reported of an answer: the statistics of the view `estimates`, from draws, standard errors or numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from multiverse.engines.diagnostics import Floats, convergence, in_blocks, mcse_mean, quantile

QUANTILES = {"q2_5": 0.025, "q25": 0.25, "median": 0.5, "q75": 0.75, "q97_5": 0.975}  # of 50 and 95 % intervals
_PLACES = ("mean", "sd", "median", "q2_5", "q25", "q75", "q97_5", "p_positive")
_STATISTICS = (*_PLACES, "mcse_mean", "ess", "ess_tail", "rhat")


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
    return {name: located[name] for name in _PLACES} | {"mcse_mean": mcse_mean(draws)} | judgement


def from_standard_errors(value: ArrayLike, se: ArrayLike, df: ArrayLike | None = None) -> dict[str, Floats]:
    """The same statistics, (n,), of estimates with standard errors: those of their confidence distributions.

    value, se: (n,), in the unit of the estimand; df: (n,) or one number, degrees of freedom of Student's t; None or
    infinity for the normal. mean and median are the value, sd is se, the quantiles are value + se t_df^-1(p): the ends
    of the central 50 and 95 % confidence intervals. p_positive is the confidence in "above zero", the mass that the
    confidence distribution has there: one minus the one-sided p-value of "zero or below", and no probability that the
    estimand is positive. Nothing is drawn: mcse_mean is 0; ess, ess_tail and rhat are NaN. With se 0 all mass lies at
    the value. All are NaN but mean and median where value, se and df are no estimate (se < 0, df <= 0, not finite).
    Source: Xie and Singh 2013, International Statistical Review 81(1):3-39, doi:10.1111/insr.12000, section 2.
    """
    from scipy.special import stdtr, stdtrit

    value, se, df = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, float)) for x in (value, se, _degrees(df))))
    good = np.isfinite(value) & np.isfinite(se) & (se >= 0) & (df > 0)
    se = np.where(good, se, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(se == 0, value > 0, stdtr(df, value / se))
    spread = {name: value + se * stdtrit(df, p) for name, p in QUANTILES.items()} | {"median": value.copy()}
    located = {"mean": value.copy(), "sd": se, **spread, "p_positive": np.where(good, above, np.nan)}
    return _ordered(located | {"mcse_mean": np.where(good, 0.0, np.nan)})


def from_numbers(value: ArrayLike) -> dict[str, Floats]:
    """The same statistics, (n,), of numbers alone: mean and median are the number, all others NaN, for not known."""
    value = np.atleast_1d(np.asarray(value, float))
    return _ordered({"mean": value.copy(), "median": value.copy()})


def _degrees(df: ArrayLike | None) -> ArrayLike:
    return np.inf if df is None else df


def _ordered(known: dict[str, Floats]) -> dict[str, Floats]:
    """All statistics in the order of `summarise`; NaN where they are not known."""
    return {name: known.get(name, np.full_like(known["mean"], np.nan)) for name in _STATISTICS}


def _location(x: Floats) -> tuple[Floats, ...]:
    ascending = np.sort(x.reshape(x.shape[0], -1), axis=1)
    mean, positive = ascending.mean(axis=1), (ascending > 0).mean(axis=1)
    sd = ascending.std(axis=1, ddof=1) if ascending.shape[1] > 1 else np.full_like(mean, np.nan)
    return mean, sd, positive, *(quantile(ascending, p) for p in QUANTILES.values())

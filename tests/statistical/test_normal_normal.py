"""NUTS against the closed form, over a grid of 50 universes; rows dropped by padding and really dropped."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats

from multiverse.engines.diagnostics import mcse_mean
from multiverse.engines.nuts.engine import NUTS
from multiverse.planning.build import plan
from multiverse.results import Results
from multiverse.sweep import run

ERRORS = 4.0  # Monte Carlo standard errors: of 100 comparisons one in 160 runs would exceed it by chance
CHANCE = 1e-4  # a run of the suite in ten thousand has a sum of squares outside these quantiles


class Scores(NamedTuple):
    """Distance from the closed form in Monte Carlo standard errors, (universe,)."""

    mean: np.ndarray
    sd: np.ndarray


def scores(results: Results, normal_mean: ModuleType) -> Scores:
    table, draws = results.table(), results.draws()["mu"].values.astype(np.float64)
    exact = [normal_mean.exact(row) for row in table.to_dict("records")]
    off = draws - draws.mean(axis=(1, 2), keepdims=True)
    error_of_sd = mcse_mean(off**2) / (2 * table["sd"])  # of the variance, by the delta method
    return Scores(
        np.asarray((table["mean"] - [e.mean for e in exact]) / table["mcse_mean"]),
        np.asarray((table["sd"] - [e.sd for e in exact]) / error_of_sd),
    )


@pytest.fixture(scope="module")
def engine(normal_mean: ModuleType) -> NUTS:
    # With 500 draws the Monte Carlo error is so uncertain itself that 2 of 1,000 scores exceeded 4; here 0 of 2,400.
    return NUTS(warmup=300, draws=2000, gate=normal_mean.OPEN)


@pytest.fixture(scope="module")
def padded(normal_mean: ModuleType, engine: NUTS) -> Results:
    return run(normal_mean.study(), engine=engine)


def test_fifty_universes_are_one_program(normal_mean: ModuleType) -> None:
    planned = plan(normal_mean.study())
    assert (len(planned), len(planned.programs)) == (50, 1)
    assert {m.rows_kept for m in planned.programs[0].members.values()} == {24, 22, 19, 16, 13}


@pytest.mark.slow  # by default tests/engines/test_auto_real.py holds short NUTS to the same closed form
def test_every_posterior_is_the_closed_form_within_monte_carlo_error(padded: Results, normal_mean: ModuleType) -> None:
    found = scores(padded, normal_mean)
    assert found.mean.shape == (50,)
    assert np.abs(found.mean).max() < ERRORS
    assert np.abs(found.sd).max() < ERRORS


@pytest.mark.slow
def test_the_errors_are_as_large_as_they_say(padded: Results, normal_mean: ModuleType) -> None:
    """Neither biased nor too good: universes have independent draws, so squared scores add up to a chi-square."""
    low, high = stats.chi2.ppf([CHANCE / 2, 1 - CHANCE / 2], df=50)
    for each in scores(padded, normal_mean):
        assert low < np.sum(each**2) < high
        assert abs(each.mean()) < stats.norm.isf(CHANCE / 2) / np.sqrt(50)


def without_rows(data: Any, *, prior: Any, noise: float) -> None:
    """The same model, where dropped rows are really gone."""
    mu = numpyro.sample("mu", prior)
    with numpyro.plate("kept", len(data["y"])):
        numpyro.sample("y", dist.Normal(mu, noise), obs=data["y"])


@pytest.mark.slow  # another program; that padded rows add nothing to the log joint is in tests/planning/test_padding.py
def test_rows_padded_and_rows_really_dropped_have_one_posterior(
    padded: Results, normal_mean: ModuleType, engine: NUTS
) -> None:
    bare = run(normal_mean.study(normal_mean.space(dropped=["eleven"]), model=without_rows), engine=engine)
    found = scores(bare, normal_mean)
    assert max(np.abs(found.mean).max(), np.abs(found.sd).max()) < ERRORS
    both = padded.table().merge(bare.table(), on=["dropped", "prior", "noise"], suffixes=("", "_bare"))
    assert len(both) == 10
    apart = (both["mean"] - both["mean_bare"]) / np.hypot(both["mcse_mean"], both["mcse_mean_bare"])
    assert apart.abs().max() < ERRORS
    assert (both["rows_kept"] == both["rows_kept_bare"]).all()

"""Over hundreds of conjugate universes evidence and Bayes factors are as far off as their errors say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.special import betaln, gammaln
from scipy.stats import multivariate_normal

import multiverse as mv
from multiverse.progress import no_progress

RNG = np.random.default_rng(0)
X, NOISE = RNG.normal(size=(40, 3)), 0.7
Y = X @ np.array([0.5, -0.2, 0.0]) + NOISE * RNG.normal(size=40)
SCALES = np.geomspace(0.05, 20, 25)
SHAPES = np.geomspace(0.6, 60, 16)
TRIALS, SUCCESSES = 40.0, (0.0, 3.0, 11.0, 25.0)


def prepare_rows(raw: Any, *, first: int) -> Any:
    return {"x": X[first:], "y": Y[first:]}


def regression(data: Any, *, scale: float) -> None:
    slopes = numpyro.sample("slopes", dist.Normal(0, scale).expand([3]).to_event(1))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal((data["x"] * slopes).sum(axis=1), NOISE), obs=data["y"])


def of_regression(labels: Mapping[str, Any]) -> float:
    x, y = X[int(labels["first"]) :], Y[int(labels["first"]) :]
    covariance = NOISE**2 * np.eye(len(y)) + SCALES[int(labels["scale"])] ** 2 * x @ x.T
    return float(multivariate_normal(np.zeros(len(y)), covariance).logpdf(y))


def prepare_count(raw: Any, *, successes: float) -> Any:
    return {"y": np.array(successes)}


def trials(data: Any, *, a: float, b: float) -> None:
    p = numpyro.sample("p", dist.Beta(a, b))
    numpyro.sample("y", dist.Binomial(TRIALS, p), obs=data["y"])


def of_trials(labels: Mapping[str, Any]) -> float:
    y, a, b = float(labels["successes"]), SHAPES[int(labels["a"])], SHAPES[int(labels["b"])]
    choose = gammaln(TRIALS + 1) - gammaln(y + 1) - gammaln(TRIALS - y + 1)
    return float(choose + betaln(a + y, b + TRIALS - y) - betaln(a, b))


def numbered(values: np.ndarray) -> dict[str, float]:
    return {str(i): float(value) for i, value in enumerate(values)}


GRIDS: dict[str, tuple[mv.Study, Callable[[Mapping[str, Any]], float], int]] = {
    "regression": (
        mv.Study(
            "regression",
            data=Y,
            prepare=prepare_rows,
            model=regression,
            estimands={"slope": lambda draws: draws["slopes"][:, 0]},
            space=mv.Space(first=mv.preprocessing({str(n): n for n in range(10)}), scale=mv.prior(numbered(SCALES))),
        ),
        of_regression,
        10,
    ),
    "trials": (
        mv.Study(
            "trials",
            data=Y,
            prepare=prepare_count,
            model=trials,
            estimands={"p": "p"},
            space=mv.Space(
                successes=mv.preprocessing({str(n): n for n in SUCCESSES}),
                a=mv.prior(numbered(SHAPES)),
                b=mv.prior(numbered(SHAPES)),
            ),
        ),
        of_trials,
        4,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_errors_of_evidence_are_those_that_are_seen(name: str) -> None:
    study, exactly, sets = GRIDS[name]
    results = mv.run(study, engine=mv.Laplace(), progress=no_progress)
    found = results.evidence()
    green = found.table[found.table["evidence_group"] > 0]
    assert green["evidence_group"].nunique() == sets
    assert len(green) > 0.9 * len(found.table)
    exact = np.array([exactly(row) for _, row in green.iterrows()])
    marginal = (green["log_marginal"] - exact) / green["log_marginal_mcse"]
    factors = []
    for _, group in green.assign(exact=exact).groupby("evidence_group"):
        for (_, one), (_, other) in pairwise(group.iterrows()):
            value, mcse = found.factor(one["key"], other["key"])
            factors.append((value - (one["exact"] - other["exact"])) / mcse)
    for scores in (marginal.to_numpy(), np.array(factors)):
        n = len(scores)
        assert abs(scores.mean()) < 4 / np.sqrt(n) + 0.1  # of order 1 / sqrt(draws): the log, and the smoothed tail
        assert abs(scores.std() - 1) < 4 / np.sqrt(2 * n) + 0.1  # an error of an error, as 1,000 draws have it
        assert (np.abs(scores) < 1.96).mean() > 0.95 - 4 * np.sqrt(0.95 * 0.05 / n)

"""Power-scaling of a run: closed forms, duplicates, red universes, and what cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import multiverse as mv
from multiverse.engines.outcome import LOG_LIKELIHOOD, LOG_PRIOR, Outcome, Reason
from multiverse.errors import ResultError
from multiverse.power_scaling.power_scaling import COLUMNS, PowerScaling
from multiverse.power_scaling.sensitivity import POWERS


@pytest.fixture(scope="module")
def found(laplace_run: mv.Results) -> PowerScaling:
    return laplace_run.power_scaling("mu")


def exactly(normal_mean: ModuleType, row: Any, prior_power: float, power: float) -> norm:
    """The powered posterior of mu."""
    mean, sd = normal_mean.PRIORS[row["prior_option"]]
    y, noise = normal_mean.Y[normal_mean.DROPPED[row["dropped"]] :], normal_mean.NOISES[row["noise"]]
    precisions = prior_power / sd**2, power * len(y) / noise**2
    return norm((precisions[0] * mean + precisions[1] * y.mean()) / sum(precisions), sum(precisions) ** -0.5)


def test_the_sensitivities_are_those_of_the_closed_form(
    normal_mean: ModuleType, laplace_run: mv.Results, found: PowerScaling
) -> None:
    """Each within four of its noises, or a tenth: both are of draws, whose largest and smallest bound the integral."""
    table = found.table
    table = table.assign(prior_option=[laplace_run.plan.universes[i].labels["prior"] for i in range(50)])
    draws = laplace_run.draws("mu", keys=table["key"])["mu"].values.reshape(50, -1)
    for (_, row), x in zip(table.iterrows(), draws, strict=True):
        grid = np.linspace(x.min(), x.max(), 4001)
        p = exactly(normal_mean, row, 1, 1).cdf(grid)
        for which in ("prior", "likelihood"):
            slopes = []
            for power in POWERS:
                q = exactly(normal_mean, row, *((power, 1) if which == "prior" else (1, power))).cdf(grid)
                both = [_divergence(p, q), _divergence(1 - p, 1 - q)]
                slopes.append(max(both) ** 0.5 / abs(np.log2(power)))
            noise = row[f"{which}_noise"]
            assert abs(row[f"{which}_sensitivity"] - np.mean(slopes)) < max(4 * noise, 0.1 * np.mean(slopes))


def _divergence(p: np.ndarray, q: np.ndarray) -> float:
    middle = (p + q) / 2
    terms = [np.where(a > 0, a * np.log2(np.where(a > 0, a, 1) / middle), 0.0) for a in (p, q)]
    return max(float(np.sum(terms) / np.sum(p + q)), 0.0)


def test_a_far_prior_is_in_conflict_and_a_wide_one_is_not(found: PowerScaling, laplace_run: mv.Results) -> None:
    labels = {u.key: u.labels["prior"] for u in laplace_run.plan.universes}
    said = {}
    for _, row in found.table.iterrows():
        said.setdefault(labels[row["key"]], set()).add(row["diagnosis"])
    assert said["wide"] == {"-"}
    assert said["far"] == {"prior-data conflict"}


def test_it_prints_its_counts_its_convention_and_a_row_for_each_diagnosis(found: PowerScaling) -> None:
    text = str(found)
    assert text.startswith("Power-scaling of 'mu': 50 of 50 universes; 0 red left out")
    for said in ("prior-data conflict", "with red", "on their own scale", "0.05"):
        assert said in text
    assert "duplicate" not in text and "parameterization" not in text
    assert found.n == 50 and "<table>" in found._repr_html_()


def test_a_universe_is_found_by_its_key(found: PowerScaling) -> None:
    key = str(found.table["key"][3])
    assert found[key[:8]]["key"] == key
    with pytest.raises(ResultError, match="no answered universes have a key that begins with 'nothing'"):
        found["nothing"]


def test_the_threshold_is_the_readers(laplace_run: mv.Results) -> None:
    assert set(laplace_run.power_scaling(threshold=99.0).table["diagnosis"]) == {"-"}
    for wrong in (0.0, float("nan")):
        with pytest.raises(ResultError, match="a number above 0"):
            laplace_run.power_scaling(threshold=wrong)


def exact_engine(exact_engines: ModuleType, red: int = 0) -> Any:
    """An engine that writes closed forms with log densities beside its draws, and is red for so many of a batch."""

    class WithDensities(exact_engines.OneRound):  # type: ignore[name-defined, misc]
        def fit(self, batch: Any, given: Any) -> tuple[Outcome, ...]:
            whole = []
            for place, outcome in enumerate(super().fit(batch, given)):
                mu = outcome.draws["estimand/mu"].astype(np.float64)
                reason = Reason.ess if place < red else Reason.ok
                both = {LOG_PRIOR: -(mu**2) / 2, LOG_LIKELIHOOD: -24 * (mu - 1) ** 2 / 2}
                whole.append(replace(outcome, draws=outcome.draws | both, reason=reason))
            return tuple(whole)

    return WithDensities()


def test_exact_duplicates_are_computed_and_counted_once(clipped_mean: ModuleType, exact_engines: ModuleType) -> None:
    results = mv.run(clipped_mean.study(), engine=exact_engine(exact_engines))
    found = results.power_scaling()
    shared = found.table[found.table["same_as"].notna()]
    assert len(shared) and found.n == len(found.table) - len(shared)
    for _, row in shared.iterrows():
        assert all(row[name] == found[row["same_as"]][name] for name in COLUMNS)
    assert f"{len(shared)} universes with the answer of an exact duplicate, counted once with it" in str(found)


def test_red_universes_are_told_and_stand_beside(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    results = mv.run(normal_mean.study(normal_mean.space(4, 1, 1)), engine=exact_engine(exact_engines, red=1))
    found = results.power_scaling()
    assert "3 of 4 universes; 1 red left out" in str(found)
    assert found.n == 3 and np.isfinite(found.table["prior_sensitivity"]).all()


def test_functions_have_no_density_to_raise_to_a_power() -> None:
    study = mv.Study(
        "f",
        data=np.arange(5.0),
        estimate=lambda data, *, shift: np.random.default_rng(0).normal(size=(4, 100)) + shift,
        estimands=["effect"],
        space=mv.Space(shift=mv.preprocessing(a=0.0, b=1.0)),
    )
    with pytest.raises(ResultError, match="no universe kept log densities"):
        mv.run(study).power_scaling()

"""Evidence: groups that may be compared, refusals with their reasons, errors, and weights made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import multiverse as mv
from multiverse.aggregate.agreement import agreement
from multiverse.aggregate.attribution import attribution
from multiverse.aggregate.estimates import Estimates
from multiverse.aggregate.evidence import evidence
from multiverse.aggregate.interactions import pairs
from multiverse.aggregate.summary import summarise
from multiverse.aggregate.uncertainty import uncertainty
from multiverse.errors import ResultError

DECISIONS = {"rows": ("preprocessing", ["all", "some"]), "slope": ("prior", ["wide", "narrow", "far"])}
LOGS = (-10.0, -11.0, -20.0, -5.0, -5.5, -6.0)


def told(make: Callable[..., Estimates], logs: Any = LOGS, decisions: Any = DECISIONS, **columns: Any) -> Estimates:
    """Estimates 0, 1, 2, ... with evidence; by default of two sets of observed values. columns: others than these."""
    estimates = make(decisions, np.arange(float(len(logs))), red=columns.pop("red", ()))
    half = len(logs) // 2
    given = {
        "engine": "laplace",
        "log_marginal": logs,
        "log_marginal_mcse": 0.03,
        "_observed": ["a"] * half + ["b"] * (len(logs) - half),
        "_no_evidence": None,
        "_relative": False,
    }
    return replace(estimates, table=estimates.table.assign(**{**given, **columns}))


def by_evidence(estimates: Estimates) -> Estimates:
    return replace(estimates, weigh="evidence")


def test_universes_are_compared_within_the_values_they_observe(make: Callable[..., Estimates]) -> None:
    found = evidence(told(make))
    table = found.table
    assert list(table["evidence_group"]) == [1, 1, 1, 2, 2, 2]
    np.testing.assert_allclose(table["log_bayes_factor"], [0, -1, -10, 0, -0.5, -1])
    np.testing.assert_allclose(table["log_bayes_factor_mcse"], np.where(np.arange(6) % 3, 0.03 * 2**0.5, 0))
    weights = np.exp([0, -1, -10])
    np.testing.assert_allclose(table["posterior_probability"][:3], weights / weights.sum())
    assert table["no_evidence"].isna().all()
    first, second, *_, last = table["key"]
    assert found.factor(first, second) == (pytest.approx(1.0), pytest.approx(0.03 * 2**0.5))
    assert found.factor(second, first).value == pytest.approx(-1.0)
    assert found.factor(first, first) == (0.0, 0.0)
    with pytest.raises(ResultError, match="cannot be compared: other rows"):
        found.factor(first, last)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"red": [1]}, "it is red"),
        ({"logs": (-10, np.nan, -12, -5, -5.5, -6)}, "the engine 'laplace' tells no marginal likelihood"),
        ({"_observed": ["a", None, "a", "b", "b", "b"]}, "was not written down"),
        ({"_no_evidence": [None, "the prior of 'b' is masked", *[None] * 4]}, "the prior of 'b' is masked"),
    ],
)
def test_a_universe_without_evidence_is_refused_with_its_reason(
    make: Callable[..., Estimates], columns: Mapping[str, Any], said: str
) -> None:
    found = evidence(told(make, **columns))
    row = found.table.iloc[1]
    assert said in row["no_evidence"] and row["evidence_group"] == 0
    assert np.isnan([row[n] for n in ("log_marginal", "log_bayes_factor", "posterior_probability")]).all()
    with pytest.raises(ResultError, match="has no evidence to compare"):
        found.factor(found.table["key"][0], row["key"])
    assert found.table["posterior_probability"].sum() == pytest.approx(2)  # one for each set
    assert said in str(found) or row["reason"]  # red ones are counted in the title


def test_parameterizations_and_exact_duplicates_are_one_analysis(make: Callable[..., Estimates]) -> None:
    decisions = {"slope": ("prior", ["a", "b", "c"]), "geometry": ("parameterization", ["one", "two"])}
    keys = [f"{i:032x}" for i in range(6)]
    shared = [None, None, None, None, keys[2], keys[3]]  # c is what b is
    estimates = told(make, (-10.0, -10.4, -12.0, -12.2, -12.0, -12.2), decisions, _observed="a", same_as=shared)
    found = evidence(estimates)
    assert list(found.analyses["universes"]) == [2, 4]
    np.testing.assert_allclose(found.analyses["log_marginal"], [-10.2, -12.1])
    np.testing.assert_allclose(found.analyses["log_marginal_mcse"], 0.03 / 2**0.5)
    odds = np.exp(-1.9)
    expected = [1 / (1 + odds)] * 2 + [odds / (1 + odds)] * 4
    np.testing.assert_allclose(found.table["posterior_probability"], expected)
    assert found.factor(keys[2], keys[4]) == (0.0, 0.0)  # one answer
    # the mixture counts them once too: means 0.5, then 2.5 and 4.5, which share the weight of one
    mixed = uncertainty(by_evidence(estimates))
    weights, means = np.array([1, odds / 2, odds / 2]) / (1 + odds), np.array([0.5, 2.5, 4.5])
    assert mixed.between == pytest.approx(weights @ (means - weights @ means) ** 2)


def test_bayesian_model_averaging_weighs_by_evidence(make: Callable[..., Estimates]) -> None:
    estimates = by_evidence(told(make, _observed="a", logs=(0.0, np.log(2), np.log(5), -700.0, -1e5, -2e300)))
    assert "Bayesian model averaging" in str(summarise(estimates))
    weights, means = np.array([1, 2, 5]) / 8, np.arange(3.0)
    assert uncertainty(estimates).between == pytest.approx(weights @ (means - weights @ means) ** 2)
    assert agreement(estimates, above=1.5)["median above 1.5"].share == pytest.approx(5 / 8)


def test_what_cannot_be_averaged_is_refused_with_the_reason(make: Callable[..., Estimates]) -> None:
    with pytest.raises(ResultError, match="6 green universes are 2 sets that cannot be compared"):
        by_evidence(told(make))
    with pytest.raises(ResultError, match="1 of 6 green universes have no evidence to weigh by: the engine 'laplace'"):
        by_evidence(told(make, _observed="a", logs=(np.nan, -1, -1, -1, -1, -1)))
    with pytest.raises(ResultError, match="the table lacks columns"):
        by_evidence(make(DECISIONS, np.arange(6.0)))


def test_red_universes_of_other_data_weigh_nothing_beside(make: Callable[..., Estimates]) -> None:
    estimates = by_evidence(told(make, red=[3, 4, 5]))
    assert len(estimates.green) == 3
    found = summarise(estimates)
    assert found.with_red is not None and found.with_red.share_positive == pytest.approx(found.share_positive)


def test_shares_of_decisions_are_not_weighed_by_evidence(make: Callable[..., Estimates]) -> None:
    for ask in (attribution, pairs):
        with pytest.raises(ResultError, match="weights that the data give tie the decisions to each other"):
            ask(by_evidence(told(make, _observed="a")))


def test_no_universes_have_no_evidence(make: Callable[..., Estimates]) -> None:
    found = evidence(told(make, red=range(6)))
    assert (found.table["evidence_group"] == 0).all() and found.analyses.empty
    assert "6 red left out" in str(found)


def exactly(normal_mean: ModuleType, labels: Mapping[str, Any]) -> float:
    y = normal_mean.Y[normal_mean.DROPPED[labels["dropped"]] :]
    (mean, sd), noise = normal_mean.PRIORS[labels["prior"]], normal_mean.NOISES[labels["noise"]]
    return float(multivariate_normal(np.full(len(y), mean), noise**2 * np.eye(len(y)) + sd**2).logpdf(y))


def test_bayes_factors_of_a_run_are_those_of_the_closed_form(normal_mean: ModuleType, laplace_run: mv.Results) -> None:
    """Five data sets of ten universes each: 225 factors, whose errors are those that are told."""
    found = laplace_run.evidence()
    labels = {universe.key: universe.labels for universe in laplace_run.plan.universes}
    scores = []
    for _, group in found.table.groupby("evidence_group"):
        assert len(group) == 10 and len({labels[key]["dropped"] for key in group["key"]}) == 1
        for i, one in enumerate(group["key"]):
            for other in group["key"].iloc[:i]:
                value, mcse = found.factor(one, other)
                exact = exactly(normal_mean, labels[one]) - exactly(normal_mean, labels[other])
                scores.append((value - exact) / mcse)
    assert len(scores) == 225 and np.abs(scores).max() < 4.5
    assert str(found).startswith("Evidence, in nats: 50 of 50 universes; 0 red left out")


def test_a_run_of_several_data_sets_is_not_averaged_and_nuts_tells_no_evidence(
    laplace_run: mv.Results, small_run: mv.Results
) -> None:
    with pytest.raises(ResultError, match="50 green universes are 5 sets that cannot be compared"):
        laplace_run.summary(weigh="evidence")
    assert set(small_run.evidence().table["no_evidence"]) == {"the engine 'nuts' tells no marginal likelihood"}


def test_ratios_are_compared_where_they_are_to_the_same_anchor(make: Callable[..., Estimates]) -> None:
    relative = [True, True, True, False, False, False]
    found = evidence(told(make, _observed=["a to 1", "a to 1", "a to 2", "a", "a", "a"], _relative=relative))
    assert list(found.table["evidence_group"]) == [2, 2, 3, 1, 1, 1]
    assert list(found.table["evidence_relative"]) == relative
    keys = found.table["key"]
    assert found.factor(keys[0], keys[1]).value == pytest.approx(1.0)
    with pytest.raises(ResultError, match="ratios to other anchors"):
        found.factor(keys[0], keys[2])
    rows = found.printed().rows
    assert [row[3] == "-" for row in rows] == [False, True, True]  # no level to show


def test_ratios_come_from_the_store(exact_engines: ModuleType, normal_mean: ModuleType) -> None:
    """Two universes tell a marginal likelihood, two ratios: to one number, and to another."""
    whole = {"log_marginal": -1.0, "log_marginal_mcse": 0.1}
    ratio = {"log_ratio": -2.0, "log_ratio_mcse": 0.2, "log_ratio_of": 7.0}
    told = iter([whole, whole, ratio, ratio])

    class Ratios(exact_engines.OneRound):  # type: ignore[name-defined, misc]
        def fit(self, batch: Any, given: Any) -> tuple[Any, ...]:
            return tuple(replace(o, diagnostics=o.diagnostics | next(told)) for o in super().fit(batch, given))

    table = mv.run(normal_mean.study(normal_mean.space(4, 1, 1)), engine=Ratios()).evidence().table
    assert sorted(table["evidence_group"]) == [1, 1, 2, 2]
    assert (table["evidence_relative"] == (table["log_marginal"] == -2.0)).all()
    assert set(table["log_marginal_mcse"]) == {0.1, 0.2}

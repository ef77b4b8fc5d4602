"""New data sets are answered as the posterior is, by universes of the space and beside it; the rest is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest

import multiverse as mv
from multiverse.answering.context import Context
from multiverse.answering.network import Network

ERRORS = 5.0  # Monte Carlo errors that a mean may be off: chance exceeds them once in a million


def new_data(rows: int = 12, level: float = 0.7) -> pd.DataFrame:
    random = np.random.Generator(np.random.Philox(5))
    site = pd.Categorical((["a", "b"] * rows)[:rows], categories=["a", "b"])
    return pd.DataFrame({"y": random.normal(level, 1.0, rows), "site": site})


def exact(data: pd.DataFrame, prior: tuple[float, float] = (0.0, 10.0), noise: float = 1.0) -> tuple[float, float]:
    """Mean and sd of the level, in closed form: a linear model with normal priors."""
    x = np.stack([np.ones(len(data)), data.site.cat.codes.to_numpy(float)], axis=1)
    precision = x.T @ x / noise**2 + np.diag([prior[1] ** -2, 1.0])
    mean = np.linalg.solve(precision, x.T @ data.y.to_numpy() / noise**2 + np.array([prior[0] / prior[1] ** 2, 0.0]))
    return float(mean[0]), float(np.sqrt(np.linalg.inv(precision)[0, 0]))


def agrees(estimate: Mapping[str, float], data: pd.DataFrame, **options: Any) -> bool:
    mean, sd = exact(data, **options)
    return abs(estimate["mean"] - mean) < ERRORS * estimate["mcse_mean"] and abs(estimate["sd"] / sd - 1) < 0.25


def test_a_new_data_set_is_answered_exactly(network: Network) -> None:
    data = new_data()
    answer = network.answer(data)
    assert answer.ok and answer.context is Context.universe and answer.message == ""
    assert agrees(answer.estimates["level"], data)
    assert answer.khat < 0.7 and answer.importance_ess > 100 and 0 < answer.distance_p <= 1
    assert set(answer.draws) == {"level", "sum"} and answer.draws["level"].shape == (500,)
    assert "green · universe of the space" in repr(answer) and "dropped = none" in repr(answer)


def test_the_same_data_have_the_same_answer_and_others_another(network: Network) -> None:
    first, again, other = (network.answer(data) for data in (new_data(), new_data(), new_data(level=0.6)))
    assert np.array_equal(first.draws["level"], again.draws["level"])
    assert not np.array_equal(first.draws["level"], other.draws["level"])


def test_labels_and_values_that_are_options_are_universes_of_the_space(network: Network) -> None:
    data = new_data()
    by_label = network.answer(data, prior="unit", noise="three")
    by_value = network.answer(data, prior=dist.Normal(0.0, 1.0), noise=3)
    assert by_label.context is by_value.context is Context.universe
    assert by_label.universe == by_value.universe == {"dropped": "none", "prior": "unit", "noise": "three"}
    assert agrees(by_label.estimates["level"], data, prior=(0.0, 1.0), noise=3.0)


def test_a_value_between_options_is_inside(network: Network) -> None:
    data = new_data()
    answer = network.answer(data, prior=dist.Normal(0.0, 4.0), noise=1.7)
    assert answer.ok and answer.context is Context.inside and not answer.outside
    assert agrees(answer.estimates["level"], data, prior=(0.0, 4.0), noise=1.7)
    assert answer.universe == {"dropped": "none", "prior": "Normal(0.0, 4.0)", "noise": "1.7"}


def test_a_value_a_little_beyond_is_weighed_and_right(network: Network) -> None:
    data = new_data()
    answer = network.answer(data, prior=dist.Normal(0.5, 1.5), noise=0.9)
    assert answer.ok and answer.context is Context.outside
    assert any("prior.loc = 0.5 is beyond the options' 0" in text for text in answer.outside)
    assert agrees(answer.estimates["level"], data, prior=(0.5, 1.5), noise=0.9)


def test_a_value_far_beyond_is_refused_with_what_was_outside(network: Network) -> None:
    answer = network.answer(new_data(), noise=0.05)
    assert not answer.ok and answer.context is Context.outside
    assert answer.outside == ("noise = 0.05 is beyond the options' 1 to 3",)
    assert "train again" in answer.message and "red (" in repr(answer)


def test_fewer_rows_are_padded_and_more_are_refused(network: Network) -> None:
    data = new_data(9)
    answer = network.answer(data)
    assert agrees(answer.estimates["level"], data)
    with pytest.raises(mv.MultiverseError, match="keep 13 rows when prepared, and the network takes at most 12"):
        network.answer(new_data(13))


def test_of_all_universes_those_that_keep_too_many_rows_are_red(network: Network) -> None:
    answers = network.answer_all(new_data(14))
    reasons = {(str(answer.universe["dropped"]), answer.reason.name) for answer in answers}
    assert ("none", "structure") in reasons and ("two", "structure") not in reasons


def test_data_of_another_structure_are_refused(network: Network) -> None:
    whole = new_data().assign(y=np.arange(12))
    with pytest.raises(mv.MultiverseError, match=r"data\['y'\] holds int32.*float64"):
        network.answer(whole)


def test_data_that_cannot_be_prepared_are_red(network: Network) -> None:
    answer = network.answer(new_data().drop(columns="y"))
    assert answer.reason.name == "prepare" and "'y'" in answer.message
    assert answer.estimates == {} and np.isnan(answer.khat)


def test_data_unlike_the_simulated_ones_are_red(network: Network) -> None:
    answer = network.answer(new_data().assign(y=lambda raw: raw.y * 100))
    assert answer.reason.name == "distance" and answer.distance_p < 0.01


def test_all_universes_answer_in_the_order_of_the_space(network: Network) -> None:
    data = new_data()
    answers = network.answer_all(data)
    assert [dict(answer.universe) for answer in answers] == [dict(u) for u in network.plan.universes.values()]
    for answer in answers:
        rows = data.iloc[{"none": 0, "two": 2}[str(answer.universe["dropped"])] :]
        prior = {"wide": (0.0, 10.0), "unit": (0.0, 1.0)}[str(answer.universe["prior"])]
        noise = {"one": 1.0, "three": 3.0}[str(answer.universe["noise"])]
        assert agrees(answer.estimates["level"], rows, prior=prior, noise=noise)
    table = answers.table("sum")
    assert len(table) == 8 and answers.green == table.ok.sum() and "8 universes" in repr(answers)
    some = network.answer_all(data, noise=2.0)
    assert len(some) == 4 and {answer.universe["noise"] for answer in some} == {"2.0"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prior": dist.Cauchy(0.0, 1.0)}, "Cauchy.* needs another program"),
        ({"noise": dist.Normal(0.0, 1.0)}, "the options of 'noise' are float"),
        ({"prior": "wyde"}, "Did you mean 'wide'"),
        ({"noize": 1.0}, "Did you mean 'noise'"),
        ({"noise": np.array([1.0, 2.0])}, "needs another program"),
    ],
)
def test_options_of_another_program_are_refused(network: Network, options: Mapping[str, Any], said: str) -> None:
    with pytest.raises(mv.MultiverseError, match=said):
        network.answer(new_data(), **options)


def test_all_mistakes_are_told_at_once(network: Network) -> None:
    with pytest.raises(mv.MultiverseError, match="2 mistakes"):
        network.answer(new_data(), prior="wyde", noize=1.0)

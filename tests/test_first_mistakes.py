"""Mistakes of a first study, each with the whole text of its error in tests/golden/first_mistakes: read by a person."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.errors import MultiverseError
from multiverse.planning.build import plan

Y = np.linspace(-1.0, 2.0, 12)
SLOPE = mv.prior(weak=dist.Normal(0, 10), tight=dist.Normal(0, 0.5))


def model(data, *, slope):
    b = numpyro.sample("slope", slope)
    numpyro.sample("y", dist.Normal(b, 1.0), obs=data["y"])


def study(**changes) -> mv.Study:
    given = {"data": {"y": Y}, "model": model, "estimands": {"effect": "slope"}, "space": mv.Space(slope=SLOPE)}
    return mv.Study("first", **given | changes)


def function(estimate, **changes) -> mv.Study:
    space = mv.Space(trim=mv.preprocessing(none=0, some=1))
    return mv.Study("first", **{"data": {"y": Y}, "estimate": estimate, "space": space} | changes)


def a_list_in_place_of_a_decision():
    return study(space=mv.Space(slope=[1.0, 2.0], scale=dist.Normal(0, 1)))


def a_list_of_options():
    return study(space=mv.Space(slope=mv.prior([dist.Normal(0, 1), dist.Normal(0, 10)])))


def numbers_as_labels():
    return study(space=mv.Space(slope=mv.prior({0.1: dist.Normal(0, 0.1), 10: dist.Normal(0, 10)})))


def a_misspelt_reference_and_reason():
    return study(
        space=mv.Space(
            slope=mv.prior(
                {"weak": 1, "tight": 2}, reference="week", why={"thight": "a sceptic"}, plausibility={"weak": -1}
            )
        )
    )


def a_dict_in_place_of_a_space():
    return study(space={"slope": SLOPE})


def neither_model_nor_estimate():
    return study(model=None)


def both_model_and_estimate():
    return study(estimate=lambda data, *, slope: 1.0)


def a_number_in_place_of_a_model():
    return study(model=3.0)


def a_model_without_data():
    def model(*, slope):
        numpyro.sample("slope", slope)

    return study(model=model)


def a_number_in_place_of_a_distribution():
    return study(space=mv.Space(slope=mv.prior(one=1.0, two=2.0)))


def one_site_twice():
    def model(data, *, slope):
        numpyro.sample("slope", slope)
        numpyro.sample("slope", slope)

    return study(model=model)


def a_key_that_the_data_lack():
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        numpyro.sample("y", dist.Normal(b, 1.0), obs=data["radon"])

    return study(model=model)


def a_path_in_place_of_data():
    return study(data="radon.csv")


def a_loader_that_raises():
    return study(data=lambda: np.loadtxt("no-such-file.csv"))


def a_loader_with_an_argument():
    return study(data=lambda path: {"y": Y})


def prepare_without_raw():
    def prepare(*, rows):
        return {"y": Y[rows:]}

    return study(prepare=prepare, space=mv.Space(slope=SLOPE, rows=mv.preprocessing(all=0, less=1)))


def an_estimand_that_is_a_number():
    return study(estimands={"effect": 3, "": "slope"})


def a_function_that_returns_nothing():
    def estimate(data, *, trim):
        data["y"][trim:].mean()

    return function(estimate)


def a_function_that_returns_text():
    return function(lambda data, *, trim: f"{data['y'].mean():.2f}")


def a_function_that_returns_other_names():
    return function(lambda data, *, trim: {"mean": data["y"].mean()}, estimands=["median"])


def a_function_of_another_decision():
    return function(lambda data, *, trimm: data["y"].mean())


def a_misspelt_decision_in_only_when():
    return study(space=mv.Space(slope=SLOPE).only_when("slop", {"slope": "weak"}))


def a_rule_without_a_reason():
    return study(space=mv.Space(slope=SLOPE).forbid("", lambda slope: slope == "tight"))


BROKEN: list[Callable[[], mv.Study]] = [
    a_list_in_place_of_a_decision,
    a_list_of_options,
    numbers_as_labels,
    a_misspelt_reference_and_reason,
    a_dict_in_place_of_a_space,
    neither_model_nor_estimate,
    both_model_and_estimate,
    a_number_in_place_of_a_model,
    a_model_without_data,
    a_number_in_place_of_a_distribution,
    one_site_twice,
    a_key_that_the_data_lack,
    a_path_in_place_of_data,
    a_loader_that_raises,
    a_loader_with_an_argument,
    prepare_without_raw,
    an_estimand_that_is_a_number,
    a_function_that_returns_nothing,
    a_function_that_returns_text,
    a_function_that_returns_other_names,
    a_function_of_another_decision,
    a_misspelt_decision_in_only_when,
    a_rule_without_a_reason,
]


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_what_is_said(make, golden):
    with pytest.raises(MultiverseError) as caught:
        plan(make(), strict=True)
    text = f"{type(caught.value).__name__}: {caught.value}\n"
    golden(f"first_mistakes/{make.__name__}.txt", re.sub(r"(test_first_mistakes\.py):\d+", r"\1:LINE", text))


def test_a_model_that_observes_nothing_is_remarked():
    def model(data, *, slope):
        numpyro.sample("slope", slope)

    assert any("observes nothing" in note for note in plan(study(model=model)).notes)
    assert not any("observes nothing" in note for note in plan(study()).notes)
    called = plan(function(lambda data, *, trim: data["y"][trim:].mean()))
    assert not any("observes nothing" in note for note in called.notes)


def test_text_that_names_no_file_may_be_data():
    def estimate(data, *, trim):
        return float(len(data.split()) - trim)

    assert len(plan(function(estimate, data="a text of six words. Yes."))) == 2

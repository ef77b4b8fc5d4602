"""Broken studies, each with the whole text of its error in tests/golden/broken_studies, which a person has read."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.errors import MultiverseError
from multiverse.planning.build import plan

SOURCE = np.random.default_rng(11)
HOMES = pd.DataFrame(
    {
        "radon": np.round(np.exp(SOURCE.normal(0.6, 0.8, size=30)), 1),
        "floor": SOURCE.integers(0, 2, size=30).astype(float),
        "county": np.arange(30) % 5,
        "town": ["Aitkin", "Anoka", "Becker"] * 10,
    }
)
HOMES.loc[3, "radon"] = 0.0

COUNTIES = mv.preprocessing({"all": 1, "four": 4})
SLOPE = mv.prior(weak=dist.Normal(0, 10), sceptical=dist.Normal(0, 0.5))


def prepare(raw, *, counties):
    homes = raw[raw.county < counties] if counties > 1 else raw
    homes = homes[homes.radon > 0]
    return {"y": np.log(homes.radon), "floor": homes.floor, "county": homes.county}


def model(data, *, slope):
    with numpyro.plate("counties", 5):
        level = numpyro.sample("level", dist.Normal(0, 5))
    b = numpyro.sample("slope", slope)
    noise = numpyro.sample("noise", dist.HalfNormal(2))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level[data["county"]] + b * data["floor"], noise), obs=data["y"])


def study(**changes: Any) -> mv.Study:
    given: dict[str, Any] = {
        "name": "radon",
        "data": HOMES,
        "prepare": prepare,
        "model": model,
        "estimands": {"effect": "slope"},
        "space": mv.Space(counties=COUNTIES, slope=SLOPE),
    }
    return mv.Study(**given | changes)


def misspelt_decision():
    return study(space=mv.Space(counties=COUNTIES, sloppe=SLOPE))


def missing_decision():
    return study(space=mv.Space(counties=COUNTIES))


def unused_decision():
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE, season=mv.preprocessing(winter="w", summer="s")))


def decision_without_a_star():
    def model(data, slope):
        numpyro.sample("slope", slope)

    return study(model=model)


def prepare_that_raises_for_one_option():
    def prepare(raw, *, counties):
        if counties == 4:
            return {"y": raw["radon_pci"], "floor": raw.floor, "county": raw.county}
        return {"y": raw.radon, "floor": raw.floor, "county": raw.county}

    return study(prepare=prepare)


def prepare_without_return():
    def prepare(raw, *, counties):
        raw["y"] = np.log(raw.radon + counties)

    return study(prepare=prepare)


def log_of_zero():
    def prepare(raw, *, counties):
        homes = raw[raw.county < counties] if counties > 1 else raw
        with np.errstate(divide="ignore"):
            return {"y": np.log(homes.radon), "floor": homes.floor, "county": homes.county}

    return study(prepare=prepare)


def missing_values():
    def prepare(raw, *, counties):
        return {"y": raw.radon.where(raw.radon > 1.0), "floor": raw.floor, "county": raw.county}

    return study(prepare=prepare)


def empty_data():
    def prepare(raw, *, counties):
        homes = raw[raw.county >= 2 * counties]
        return {"y": homes.radon, "floor": homes.floor, "county": homes.county}

    return study(prepare=prepare)


def text_in_the_data():
    return study(prepare=lambda raw, *, counties: raw)


def loader_that_raises():
    def load():
        raise FileNotFoundError(2, "No such file or directory", "radon.csv")

    return study(data=load)


def estimand_of_wrong_shape():
    return study(estimands={"effect": "slope", "level": lambda draws, data: draws["level"], "county": "level"})


def estimand_over_all_draws():
    return study(estimands={"effect": lambda draws, data: draws["slope"].mean()})


def estimand_of_an_unknown_site():
    return study(estimands={"effect": "sloppe", "spread": lambda draws, data: draws["county_sd"]})


def estimand_that_raises():
    return study(estimands={"effect": lambda draws, data: draws["slope"] / data["uranium"].mean()})


def no_latents():
    def model(data, *, slope):
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(0, 1), obs=data["y"])

    return study(model=model)


def discrete_latent():
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        mixed = numpyro.sample("mixed", dist.Bernoulli(0.5))
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(b * mixed, 1), obs=data["y"])

    return study(model=model)


def improper_prior():
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        level = numpyro.sample("level", dist.ImproperUniform(dist.constraints.real, (), ()))
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(level + b, 1), obs=data["y"])

    return study(model=model)


def branch_on_a_site():
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(b if b > 0 else 0.0, 1), obs=data["y"])

    return study(model=model)


def random_numbers_in_the_model():
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(b + np.random.normal(), 1), obs=data["y"])

    return study(model=model)


def several_lengths_of_rows():
    def prepare(raw, *, counties):
        return {"y": raw.radon, "u": np.arange(5.0), "floor": raw.floor, "county": raw.county}

    return study(prepare=prepare)


def decision_named_like_a_column():
    def model(data, *, mean):
        numpyro.sample("slope", mean)

    return study(model=model, space=mv.Space(counties=COUNTIES, mean=SLOPE))


def decisions_that_differ_in_case():
    def model(data, *, slope, Slope):
        numpyro.sample("slope", slope)

    return study(model=model, space=mv.Space(counties=COUNTIES, slope=SLOPE, Slope=mv.prior(a=1.0)))


def two_options_of_one_value():
    slope = mv.prior(weak=dist.Normal(0, 10), flat=dist.Normal(0.0, 10.0), tight=dist.Normal(0, 1))
    return study(space=mv.Space(counties=mv.preprocessing({"all": 1, "every": 1, "four": 4}), slope=slope))


def reparameterizer_of_an_unknown_site():
    geometry = mv.parameterization({"centered": {}, "non-centered": {"levels": LocScaleReparam(0)}})
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE, geometry=geometry))


def reparameterizer_that_is_a_class():
    geometry = mv.parameterization({"centered": None, "non-centered": {"level": LocScaleReparam}})
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE, geometry=geometry))


def learnable_reparameterizer():
    geometry = mv.parameterization({"centered": {}, "learned": {"level": LocScaleReparam()}})
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE, geometry=geometry))


def rule_of_an_unknown_decision():
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE).forbid("no", lambda county: county == "four"))


def rule_that_compares_values():
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE).forbid("too few", lambda counties: counties > 1))


def reference_universe_forbidden():
    space = mv.Space(counties=COUNTIES, slope=SLOPE)
    return study(space=space.forbid("all counties are too many", lambda counties: counties == "all"))


def options_without_identity():
    with open(__file__) as file:
        generator = mv.preprocessing(one=np.random.default_rng(1), two=2, three=file, four=iter([1, 2]))
        return study(space=mv.Space(counties=generator, slope=mv.prior(a=dist.Normal(0, 1), b=random.Random(1))))


def model_that_captures_a_generator():
    source = random.Random(1)

    def model(data, *, slope):
        numpyro.sample("slope", slope)
        return source.random()

    return study(model=model, estimands={"effect": lambda draws, data: draws["slope"] + source.random()})


def integers_beyond_32_bits():
    def prepare(raw, *, counties):
        return {"y": raw.radon, "floor": raw.floor, "county": raw.county, "id": np.arange(30) + 2**40}

    return study(prepare=prepare)


def names_in_place_of_functions():
    return study(model="model", prepare=["prepare"])


def no_estimands():
    return study(estimands={})


def decision_of_an_estimand_only():
    effect = {"effect": lambda draws, data, *, scale: draws["slope"] * scale}
    return study(estimands=effect, space=mv.Space(counties=COUNTIES, slope=SLOPE, scale=mv.prior(log=1.0, sd=2.0)))


def rows_that_do_not_match():
    def prepare(raw, *, counties):
        homes = raw[raw.county < counties] if counties > 1 else raw
        return {"y": homes.radon, "floor": raw.floor, "county": homes.county}

    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        with mv.rows(data, n=len(data["y"])):
            numpyro.sample("y", dist.Normal(b * data["floor"], 1), obs=data["y"])

    return study(prepare=prepare, model=model)


def reparameterizer_that_does_not_fit():
    slope = mv.prior(weak=dist.Normal(0, 10), gamma=dist.Gamma(2, 1))
    geometry = mv.parameterization({"centered": {}, "non-centered": {"slope": LocScaleReparam(0)}})
    return study(space=mv.Space(counties=COUNTIES, slope=slope, geometry=geometry))


def five_mistakes_at_once():
    def prepare(raw, *, counties, zeros):
        with np.errstate(divide="ignore"):
            return {"y": np.log(raw.radon) if zeros == "keep" else raw.radon, "floor": raw.floor, "county": raw.county}

    return study(
        prepare=prepare,
        estimands={"effect": "slope", "county": "level"},
        space=mv.Space(
            counties=COUNTIES,
            zeros=mv.preprocessing(drop="drop", keep="keep"),
            slope=mv.prior(weak=dist.Normal(0, 10), flat=dist.Normal(0, 10.0)),
            season=mv.preprocessing(winter="w", summer="s"),
            geometry=mv.parameterization({"centered": {}, "not": {"lvl": LocScaleReparam(0)}}),
        ),
    )


def misspelt_labels_in_rules():
    slope = mv.prior(
        {"weak": dist.Normal(0, 10), "sceptical": dist.Normal(0, 0.5)},
        requires={"sceptical": {"countys": "all"}},
        incompatible_with={"sceptical": {"counties": "fuor"}},
    )
    space = mv.Space(counties=COUNTIES, slope=slope).only_when("slope", {"counties": ["all", "fourr"]})
    return study(space=space.link("slope", "floors"))


def link_of_unequal_numbers():
    three = mv.preprocessing({"all": 1, "four": 4, "two": 2})
    return study(space=mv.Space(counties=three, slope=SLOPE).link("counties", "slope"))


def link_of_other_references():
    counties = mv.preprocessing({"all": 1, "four": 4}, reference="four")
    return study(space=mv.Space(counties=counties, slope=SLOPE).link("counties", "slope"))


def union_of_spaces_that_do_not_fit():
    other = mv.Space(counties=mv.decision("data", {"all": 1, "four": 5}), slope=SLOPE)
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE) | other)


def union_in_orders_that_contradict():
    base = mv.Space(counties=COUNTIES, slope=SLOPE)
    one = base.only_when("slope", {"counties": "all"})
    return study(space=one | base.only_when("counties", {"slope": "weak"}))


def power_set_with_mistakes():
    covariates = mv.power_set(["floor", "town"], always=["flor"], together=[("town", "county")], at_least=-1)
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE, covariates=covariates))


def power_set_of_too_many():
    return study(space=mv.Space(counties=COUNTIES, slope=SLOPE, covariates=mv.power_set([f"x{i}" for i in range(40)])))


def range_on_a_scale_that_does_not_fit():
    return study(space=mv.Space(counties=COUNTIES, slope=mv.between(0, 10, scale="log", reference=1).grid(5)))


def space_too_large_to_plan():
    cutoffs = mv.between(0, 4, kind="preprocessing").grid(2500)
    return study(space=mv.Space(counties=cutoffs, slope=mv.between(0.1, 10, scale="log").grid(2501)))


def simulate(key, parameters, data):
    return {"y": parameters["level"] + jax.random.normal(key, data["y"].shape)}


def simulator(**changes: Any) -> mv.Study:
    """A study that only simulates the radon of homes, and `changes` in it."""
    given: dict[str, Any] = {
        "model": None,
        "simulate": simulate,
        "prior": {"level": dist.Normal(0, 5)},
        "estimands": {"level": "level"},
        "space": mv.Space(counties=COUNTIES),
    }
    return study(**given | changes)


def simulator_without_a_prior():
    return simulator(prior=None)


def simulator_beside_a_model():
    return simulator(model=model)


def prior_beside_a_model():
    return study(prior={"slope": dist.Normal(0, 1)})


def prior_of_what_is_no_distribution():
    flat = dist.ImproperUniform(dist.constraints.real, (), ())
    return simulator(prior={"level": 0.5, "slope": dist.Normal, "town": dist.Poisson(3), "sd": flat})


def prior_without_return():
    def prior(*, slope):
        {"level": slope}

    return simulator(prior=prior, space=mv.Space(counties=COUNTIES, slope=SLOPE))


def simulator_of_other_arguments():
    def simulate(parameters, *, slope):
        return parameters["level"]

    def prior(data):
        return {"level": dist.Normal(0, 1)}

    return simulator(simulate=simulate, prior=prior)


def simulated_data_that_do_not_fit():
    def simulate(key, parameters, data):
        y = parameters["level"] + jax.random.normal(key, (7,))
        return {"y": y, "flor": y, "county": jax.random.normal(key, data["county"].shape), "level": y}

    return simulator(simulate=simulate)


def simulator_that_gives_an_array():
    return simulator(simulate=lambda key, parameters, data: simulate(key, parameters, data)["y"])


def simulator_without_return():
    def simulate(key, parameters, data):
        jax.random.normal(key, data["y"].shape)

    return simulator(simulate=simulate)


def simulator_without_chance():
    def simulate(key, parameters, data):
        return {"y": parameters["level"] + np.random.default_rng(0).normal(size=data["y"].shape)}

    return simulator(simulate=simulate)


def simulator_that_looks_at_what_was_observed():
    def simulate(key, parameters, data):
        return {"y": data["y"][0] + parameters["level"] * jax.random.normal(key, data["y"].shape)}

    return simulator(simulate=simulate)


def simulator_that_branches():
    def simulate(key, parameters, data):
        level = parameters["level"] if parameters["level"] > 0 else 0.0
        return {"y": level + jax.random.normal(key, data["y"].shape)}

    return simulator(simulate=simulate)


def simulator_of_an_unknown_parameter():
    def simulate(key, parameters, data):
        return {"y": parameters["lvel"] + jax.random.normal(key, data["y"].shape)}

    return simulator(simulate=simulate)


def simulator_of_nothing_finite():
    def simulate(key, parameters, data):
        return {"y": jnp.log(-jnp.abs(parameters["level"] + jax.random.normal(key, data["y"].shape)))}

    return simulator(simulate=simulate)


BROKEN: list[Callable[[], mv.Study]] = [
    misspelt_decision,
    missing_decision,
    unused_decision,
    decision_without_a_star,
    prepare_that_raises_for_one_option,
    prepare_without_return,
    log_of_zero,
    missing_values,
    empty_data,
    text_in_the_data,
    loader_that_raises,
    estimand_of_wrong_shape,
    estimand_over_all_draws,
    estimand_of_an_unknown_site,
    estimand_that_raises,
    no_latents,
    discrete_latent,
    improper_prior,
    branch_on_a_site,
    random_numbers_in_the_model,
    several_lengths_of_rows,
    decision_named_like_a_column,
    decisions_that_differ_in_case,
    two_options_of_one_value,
    reparameterizer_of_an_unknown_site,
    reparameterizer_that_is_a_class,
    learnable_reparameterizer,
    rule_of_an_unknown_decision,
    rule_that_compares_values,
    reference_universe_forbidden,
    options_without_identity,
    model_that_captures_a_generator,
    integers_beyond_32_bits,
    names_in_place_of_functions,
    no_estimands,
    decision_of_an_estimand_only,
    rows_that_do_not_match,
    reparameterizer_that_does_not_fit,
    five_mistakes_at_once,
    misspelt_labels_in_rules,
    link_of_unequal_numbers,
    link_of_other_references,
    union_of_spaces_that_do_not_fit,
    union_in_orders_that_contradict,
    power_set_with_mistakes,
    power_set_of_too_many,
    range_on_a_scale_that_does_not_fit,
    space_too_large_to_plan,
    simulator_without_a_prior,
    simulator_beside_a_model,
    prior_beside_a_model,
    prior_of_what_is_no_distribution,
    prior_without_return,
    simulator_of_other_arguments,
    simulated_data_that_do_not_fit,
    simulator_that_gives_an_array,
    simulator_without_return,
    simulator_without_chance,
    simulator_that_looks_at_what_was_observed,
    simulator_that_branches,
    simulator_of_an_unknown_parameter,
    simulator_of_nothing_finite,
]


def text_of(make: Callable[[], mv.Study]) -> str:
    with pytest.raises(MultiverseError) as caught:
        plan(make(), strict=True)
    text = f"{type(caught.value).__name__}: {caught.value}\n"
    text = re.sub(r"(test_broken_studies\.py):\d+", r"\1:LINE", text)  # these move as this file grows
    return re.sub(r"(joint is) -?[\d.]+ batched and -?[\d.]+", r"\1 A batched and B", text)


@pytest.mark.parametrize(("number", "make"), list(enumerate(BROKEN, 1)), ids=[make.__name__ for make in BROKEN])
def test_what_is_said_of_a_broken_study(number, make, golden, monkeypatch):
    if make is random_numbers_in_the_model:
        numbers = iter(range(1000))
        monkeypatch.setattr(np.random, "normal", lambda: float(next(numbers)))
    text = text_of(make)
    assert str(Path(__file__).parent) not in text
    golden(f"broken_studies/{number:02d}_{make.__name__}.txt", text)


def test_the_study_that_the_others_break_is_sound():
    assert len(plan(study())) == 4
    assert len(plan(simulator())) == 2


def test_each_golden_text_belongs_to_a_study():
    files = (Path(__file__).parent / "golden" / "broken_studies").glob("*.txt")
    assert sorted(f.stem for f in files) == sorted(f"{i:02d}_{make.__name__}" for i, make in enumerate(BROKEN, 1))

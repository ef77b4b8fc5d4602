"""Twins: exact duplicates are found by what the analysis sees, all of them, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.planning.bind import bind
from multiverse.planning.build import plan
from multiverse.planning.identify import identify
from multiverse.planning.twins import groups, twins_of
from multiverse.planning.walk import Walked, walk
from multiverse.progress import no_progress
from multiverse.study import Study

RAW = np.array([0.5, 1.0, 1.5, 2.0, 7.0])


def walked(study: Study) -> tuple[Walked, dict[str, str]]:
    """The walk over a study's space, and the twins in it."""
    binding, problems = bind(study)
    assert not problems
    found = walk(study, binding, identify(study, binding), no_progress)
    return found, twins_of(found.families, binding)


def named(study: Study) -> dict[str, str]:
    """Twins by their labels: `"b x" -> "a x"`."""
    found, twins = walked(study)
    words = {key: " ".join(str(label) for label in u.labels) for key, u in found.universes.items()}
    return {words[key]: words[first] for key, first in twins.items()}


def function(space: mv.Space, **changes: Any) -> Study:
    return replace(mv.Study("twins", data=RAW, prepare=clip, estimate=mean, estimands=["m"], space=space), **changes)


def clip(raw, *, low, high):
    return {"y": np.clip(raw, low, high)}


def mean(data, *, times):
    return float(np.mean(data["y"])) * (1.0 if times is None else times)


LOWS = {"no": -np.inf, "zero": 0.0, "one": 1.0}  # "zero" clips nothing
HIGHS = {"no": np.inf, "ten": 10.0, "seven": 7.0, "two": 2.0}  # neither "ten" nor "seven" clips anything


def clipping(**others: Any) -> mv.Space:
    return mv.Space(
        low=mv.preprocessing(LOWS),
        high=mv.preprocessing(HIGHS),
        times=mv.prior({"once": 1.0, "twice": 2.0}),
        **others,
    )


def test_options_that_do_nothing_make_twins_of_the_first_in_the_order_of_the_space() -> None:
    found = named(function(clipping()))
    assert len(found) == 24 - 2 * 2 * 2
    assert found["zero seven twice"] == "no no twice"
    assert found["one seven once"] == "one no once"
    assert not {"no no once", "no no twice", "no two once", "one two once"} & found.keys()
    assert not set(found.values()) & found.keys()


@settings(max_examples=25, deadline=None)
@given(
    lows=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.2]), min_size=1, max_size=3, unique=True),
    highs=st.lists(st.sampled_from([1.9, 2.0, 6.0, 7.0, 8.0, 9.0]), min_size=1, max_size=4, unique=True),
    times=st.lists(st.sampled_from([1.0, 2.0]), min_size=1, max_size=2, unique=True),
)
def test_twins_are_those_whose_data_and_arguments_are_equal(
    lows: list[float], highs: list[float], times: list[float]
) -> None:
    """Against brute force over all pairs."""
    space = mv.Space(
        low=mv.preprocessing({str(value): value for value in lows}),
        high=mv.preprocessing({str(value): value for value in highs}),
        times=mv.prior({str(value): value for value in times}),
    )
    found, twins = walked(function(space))
    seen = {
        key: (clip(RAW, low=float(u["low"]), high=float(u["high"]))["y"], u["times"])
        for key, u in found.universes.items()
    }
    place = {key: i for i, key in enumerate(found.universes)}
    for one, other in combinations(found.universes, 2):
        alike = bool(np.array_equal(seen[one][0], seen[other][0])) and seen[one][1] == seen[other][1]
        assert (twins.get(one, one) == twins.get(other, other)) == alike
    assert all(place[first] < place[key] and first not in twins for key, first in twins.items())


def test_groups_of_twins_stand_in_the_order_of_the_keys() -> None:
    assert groups({"c": "a", "d": "b", "e": "a"}, "abcdef") == {"a": ["a", "c", "e"], "b": ["b", "d"]}
    assert groups({"c": "a", "e": "a"}, "ce") == {"a": ["c", "e"]}
    assert groups({}, "abc") == {}


def test_equal_labels_of_other_values_make_no_twins() -> None:
    space = mv.Space(
        low=mv.preprocessing({"same": 0.0, "other": 1.0}),
        high=mv.preprocessing({"same": 2.0, "other": 3.0}),
        times=mv.prior({"same": 1.0, "other": 2.0}),
    )
    assert named(function(space)) == {}


def test_an_integer_is_not_a_float() -> None:
    """A function may tell them apart, and a model compiles another program for each."""
    space = mv.Space(low=mv.preprocessing({"no": -1.0}), high=mv.preprocessing({"no": 9.0}))
    both = space.decisions | {"times": mv.prior({"1": 1, "1.0": 1.0})}
    assert named(function(mv.Space(**both))) == {}


def test_an_argument_that_does_not_apply_is_the_option_none() -> None:
    space = mv.Space(
        low=mv.preprocessing({"no": 0.0, "zero": 0.1}),  # neither clips anything
        high=mv.preprocessing({"no": 9.0}),
        times=mv.prior({"as it is": None, "twice": 2.0}),
    ).only_when("times", lambda low: low == "no")
    assert named(function(space)) == {"zero no None": "no no as it is"}


def test_who_is_told_apart_by_an_estimand_is_no_twin() -> None:
    def model(data):
        raise AssertionError("not called while walking")

    def scaled(draws, data, *, high):
        return draws["mu"] * high

    study = mv.Study(
        "estimands", data=RAW, prepare=clip, model=model, estimands={"mu": "mu"}, space=mv.Space(
            low=mv.preprocessing(LOWS), high=mv.preprocessing(HIGHS)
        )
    )  # fmt: skip
    assert len(named(study)) == 12 - 2 * 2
    assert set(named(replace(study, estimands={"scaled": scaled}))) == {f"zero {high}" for high in HIGHS}


def test_who_is_reparameterized_otherwise_is_no_twin() -> None:
    def model(data):
        raise AssertionError("not called while walking")

    study = mv.Study(
        "reparam",
        data=RAW,
        prepare=clip,
        model=model,
        estimands={"mu": "mu"},
        space=mv.Space(
            low=mv.preprocessing({"no": -np.inf, "zero": 0.0}),
            high=mv.preprocessing({"no": np.inf}),
            geometry=mv.parameterization({"centered": {}, "non-centered": {"mu": LocScaleReparam(0)}}),
        ),
    )
    assert named(study) == {f"zero no {geometry}": f"no no {geometry}" for geometry in ("centered", "non-centered")}


ORDERS: Mapping[str, Callable[[], Any]] = {
    "dict": lambda: ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}),
    "dict in a list": lambda: ([{"a": 1.0, "b": 2.0}], [{"b": 2.0, "a": 1.0}]),
    "without a fingerprint": lambda: (iter([1.0]), iter([1.0])),
    "one bit": lambda: (np.array([1.0, 0.0]), np.array([1.0, -0.0])),
    "dtype": lambda: (np.array([1, 2], np.int32), np.array([1, 2], np.int64)),
}


@pytest.mark.parametrize("how", ORDERS)
def test_data_that_a_function_may_tell_apart_make_no_twins(how: str) -> None:
    one, other = ORDERS[how]()
    space = mv.Space(which=mv.preprocessing({"one": 1, "other": 2}))
    assert named(_choosing(space, one, other)) == {}
    if how != "without a fingerprint":
        assert named(_choosing(space, one, one)) == {"other": "one"}


def _choosing(space: mv.Space, one: Any, other: Any) -> Study:
    found = {1: one, 2: other}

    def prepare(raw, *, which):
        return found[which]

    study = function(space, prepare=lambda raw, *, which: raw, estimate=lambda data: 1.0)
    return replace(study, prepare=_Unprinted(prepare))


class _Unprinted:
    """A preprocessing step that holds what has no fingerprint; its own is not looked at while walking."""

    def __init__(self, step: Callable[..., Any]):
        self._step = step

    def __call__(self, raw: Any, *, which: int) -> Any:
        return self._step(raw, which=which)


# In a plan


def test_a_plan_tells_how_many_are_not_run_again() -> None:
    planned = plan(function(clipping()), progress=no_progress)
    assert len(planned.twins) == 16
    assert planned.to_run == set(planned.keys) - planned.twins.keys()
    first = repr(planned).splitlines()[0]
    assert "24 universes, of which 16 are exact duplicates of others and not run again, in 1 program" in first
    one = mv.Space(low=mv.preprocessing({"no": 0.0, "zero": 0.1}), high=mv.preprocessing({"no": 9.0}))
    alone = replace(function(one), estimate=lambda data: float(data["y"].sum()))
    said = repr(plan(alone, progress=no_progress)).splitlines()[0]
    assert "2 universes, of which 1 is an exact duplicate of another and not run again, in 1 program" in said


def test_twins_of_what_is_answered_are_not_run() -> None:
    planned = plan(function(clipping()), progress=no_progress)
    twin, first = next(iter(planned.twins.items()))
    assert planned.without([first]).to_run == planned.to_run - {first}
    assert planned.without([twin]).to_run == planned.to_run - {first}


def test_who_cannot_be_answered_is_nobodys_twin() -> None:
    def picky(raw, *, low, high):
        if low == 0.0 and high == 10.0:
            raise ValueError("not these")
        return {"y": np.clip(raw, low, high)}

    planned = plan(replace(function(clipping()), prepare=picky), progress=no_progress)
    assert len(planned.failures) == 2 and len(planned.twins) == 14
    assert not planned.failures.keys() & {*planned.twins, *planned.twins.values()}

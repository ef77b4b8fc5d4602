"""Decisions bind by name to keyword-only arguments; what does not bind is said with the near miss."""

from __future__ import annotations

import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.errors import PlanError
from multiverse.planning.bind import bind, keywords, positionals
from multiverse.planning.build import plan
from multiverse.planning.malformed import malformed


def two(data, *, slope, noise=1.0):
    return None


def only_data(data):
    return None


def positional(data, slope):
    return None


def as_is(raw, *, rows):
    return raw


def found(study) -> list[str]:
    return [problem.what for problem in bind(study)[1]]


def test_who_takes_what(small):
    def first(raw, *, rows):
        return raw

    def second(raw, *, zeros, rows):
        return raw

    study = small(
        prepare=[first, second],
        model=two,
        estimands={"a": "slope", "b": lambda draws, data, *, slope: draws["slope"]},
        space=mv.Space(
            rows=mv.preprocessing(a=1),
            zeros=mv.preprocessing(a=1),
            slope=mv.prior(a=1.0),
            geometry=mv.parameterization({"centered": {}, "not": {"level": LocScaleReparam(0)}}),
        ),
    )
    binding, problems = bind(study)
    assert problems == []
    assert binding.steps == (("rows",), ("zeros", "rows"))
    assert binding.analysis == ("slope",)
    assert binding.estimands == {"b": ("slope",)}
    assert binding.reparam == ("geometry",)
    assert binding.prepare == {"rows", "zeros"}
    assert binding.unbound == frozenset()


def test_a_keyword_with_a_default_needs_no_decision_but_takes_one(small):
    slope = mv.prior(a=dist.Normal(0, 1))
    assert bind(small(prepare=None, model=two, space=mv.Space(slope=slope)))[0].analysis == ("slope",)
    both = mv.Space(slope=slope, noise=mv.prior(a=1.0))
    assert bind(small(prepare=None, model=two, space=both))[0].analysis == ("slope", "noise")


def test_a_missing_decision_leaves_its_taker_unbound(small):
    binding, problems = bind(small(prepare=as_is, model=two, space=mv.Space(rows=mv.preprocessing(a=1))))
    assert [p.what for p in problems] == ["the model two() takes 'slope', which the space does not name."]
    assert "Add `slope=mv.prior(...)` to the space" in problems[0].mend
    assert binding.unbound == {"analysis"}


def test_a_misspelt_decision_is_one_mistake_with_its_near_miss(small):
    space = mv.Space(rows=mv.preprocessing(a=1), sloppe=mv.prior(a=dist.Normal(0, 1)))
    (problem,) = bind(small(prepare=as_is, model=two, space=space))[1]
    assert problem.what == "the space names 'sloppe', but neither as_is() nor two() has such a keyword."
    assert problem.expected == "as_is() takes rows; two() takes slope, noise"
    assert problem.mend.startswith("Did you mean 'slope'?  Rename the decision")


def test_an_unused_decision(small):
    space = mv.Space(slope=mv.prior(a=1.0), weather=mv.prior(a=1))
    (problem,) = bind(small(prepare=None, model=two, space=space))[1]
    assert "'weather'" in problem.what
    assert "def two(data, *, weather, ...)" in problem.mend


def test_decisions_are_keyword_only(small):
    (problem,) = bind(small(prepare=None, model=positional, space=mv.Space(slope=mv.prior(a=1.0))))[1]
    assert problem.what == "the model positional() takes 2 positional arguments: data, slope."
    assert "`def positional(data, *, slope): ...`" in problem.mend


def test_a_decision_that_only_an_estimand_takes(small):
    study = small(
        prepare=None,
        model=only_data,
        estimands={"mean": lambda draws, data, *, scale: draws["slope"] * scale},
        space=mv.Space(scale=mv.decision("data", a=1.0)),
    )
    assert found(study) == ["the decision 'scale' is taken by the estimand 'mean' only."]


@pytest.mark.parametrize(
    ("value", "said", "mend"),
    [
        (None, "is None", "write `'bad': {}`"),
        (LocScaleReparam(0), "is the reparameterizer LocScaleReparam without a site", "LocScaleReparam(0)"),
        (
            {"level": LocScaleReparam},
            "is LocScaleReparam for the site 'level', a class",
            "{'level': LocScaleReparam(0)}",
        ),
        ({"level": 0}, "is 0 for the site 'level'", "{'level': LocScaleReparam(0)}"),
        ("centered", "is 'centered'", "LocScaleReparam(0)"),
    ],
)
def test_an_option_that_is_no_reparameterizer_beside_one_that_is(small, value, said, mend):
    space = mv.Space(geometry=mv.parameterization({"good": {"level": LocScaleReparam(0)}, "bad": value}))
    (problem,) = bind(small(prepare=None, model=only_data, space=space))[1]
    assert problem.what == f"the option 'bad' of 'geometry' {said}."
    assert mend in problem.mend


def test_a_parameterization_that_the_model_takes_is_given_to_it(small):
    def model(data, *, geometry):
        return None

    space = mv.Space(geometry=mv.parameterization({"one": {"level": LocScaleReparam(0)}, "two": {}}))
    binding, problems = bind(small(prepare=None, model=model, space=space))
    assert (binding.analysis, binding.reparam, problems) == (("geometry",), (), [])


def test_what_is_no_function(small):
    (problem,) = malformed(small(model="line"))
    assert problem.what == "model is 'line', a str."
    assert [p.what for p in malformed(small(prepare=[as_is, 3]))] == ["prepare is 3, an int."]
    assert malformed(small()) == malformed(small(prepare=None)) == []


def test_what_is_no_dict_of_estimands_and_no_space(small):
    estimands, space = malformed(small(estimands="slope", space={"slope": mv.prior(a=1.0)}))
    assert estimands.what == "estimands is 'slope', a str."
    assert estimands.mend == "write `estimands={'effect': 'slope'}`"
    assert space.what == "space is a dict."
    assert [p.what for p in malformed(small(estimands=["slope"]))] == ["estimands is ['slope'], a list."]


def test_names_that_are_no_names(small):
    with pytest.raises(PlanError) as caught:
        plan(small(space=mv.Space({1: mv.prior(a=1.0), "two words": mv.prior(a=1.0)})))
    said = [p.what for p in caught.value.problems]
    assert "the decision 1 cannot be the name of an argument." in said
    assert "the decision 'two words' cannot be the name of an argument." in said


def test_callables_that_do_not_tell_their_arguments_take_no_decisions(small):
    assert keywords(dict) == {} and positionals(dict) == []
    assert keywords(np.log) != {}  # ufuncs have keywords of their own, all with defaults
    binding, problems = bind(small(prepare=dict, model=only_data, space=mv.Space()))
    assert (binding.steps, problems) == (((),), [])

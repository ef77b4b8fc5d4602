"""The check that makes batching honest catches models that are no function of their data and options."""

from __future__ import annotations

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.errors import PlanError
from multiverse.planning import safety
from multiverse.planning.build import plan
from multiverse.planning.estimand import Estimand

CALLS = [0]
EFFECT = (Estimand("effect", "slope"),)
SPACE = mv.Space(
    rows=mv.preprocessing(all=24, some=20), slope=mv.prior(weak=dist.Normal(0, 10), tight=dist.Normal(0, 1))
)


def counting(data, *, slope):
    """Global mutable state: another shift each time the model is called."""
    CALLS[0] += 1
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["x"] + CALLS[0], 1), obs=data["y"])


def jittered(data, *, slope):
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["x"] + np.random.normal(), 1), obs=data["y"])


def type_checked(data, *, scale):
    """Batched, the scale is an array, and another branch is taken."""
    b = numpyro.sample("slope", dist.Normal(0, 1))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["x"], scale if isinstance(scale, float) else 2.0), obs=data["y"])


def verdict(grouped, study) -> safety.Verdict:
    found = grouped(study)
    assert found.problems == []
    return safety.check(found.programs[0], EFFECT)


@pytest.mark.parametrize("model", [counting, jittered])
def test_a_model_with_a_life_of_its_own_is_caught_and_its_site_named(small, grouped, model):
    (problem,) = verdict(grouped, small(model=model, space=SPACE)).problems
    assert problem.what.startswith(
        "the log density of the site 'y' depends on more than data and options: with the same values the log joint is "
    )
    assert " batched and " in problem.what and "(with rows=" in problem.what
    assert "NumPy's random numbers" in problem.mend


def test_a_type_check_on_an_option_is_caught(small):
    with pytest.raises(PlanError) as caught:
        plan(small(model=type_checked, space=mv.Space(rows=mv.preprocessing(all=24), scale=mv.prior(one=1.0))))
    (problem,) = caught.value.problems
    assert (
        problem.what.startswith("the log density of the site 'y' depends on more than data and options")
        and "isinstance(option, float)" in problem.mend
    )


def in_place(data, *, slope):
    """Changes the dict it is given; each call gets its own."""
    data["x"] = data["x"] * 2
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=data["y"])


def test_a_model_that_changes_its_dict_of_data_spoils_nothing(small, grouped):
    found = grouped(small(model=in_place, space=SPACE))
    (program,) = found.programs
    before = {key: program.data(key)["x"].copy() for key in program.members}
    found = safety.check(program, EFFECT)
    assert (found.problems, found.padding_breaks, found.failure) == ((), "", None)
    assert found.trials["effect"].needed == {"slope"}
    for key, x in before.items():
        np.testing.assert_array_equal(program.data(key)["x"], x)


def test_a_program_stacked_wrongly_is_caught(small, grouped):
    """Were the leaves of two universes exchanged, the check would see it."""
    from dataclasses import replace

    (program,) = grouped(small(space=SPACE)).programs
    (one, a), (other, b) = program.choices.items()
    wrong = replace(program, choices={one: b, other: a})
    (problem,) = safety.check(wrong, EFFECT).problems
    assert "the log density of the site 'slope'" in problem.what


def test_data_padded_wrongly_turn_padding_off(small, grouped):
    from dataclasses import replace

    (program,) = grouped(small(space=SPACE)).programs
    spoilt = {number: leaves | {"mask": np.ones(24, bool)} for number, leaves in program.datasets.items()}
    why = safety.check(replace(program, datasets=spoilt), EFFECT).padding_breaks
    assert why == "padding changes the log density of the site 'y', which depends on rows other than by mv.rows"


def test_padding_that_makes_the_model_raise_is_turned_off(small):
    def of_20_or_24(data, *, slope):
        assert len(data["y"]) in (20, 22), "rows lost"
        b = numpyro.sample("slope", slope)
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=data["y"])

    space = mv.Space(rows=mv.preprocessing({"22": 22, "20": 20}), slope=mv.prior(weak=dist.Normal(0, 10)))
    planned = plan(small(model=of_20_or_24, space=space))
    assert [program.padding for program in planned.programs] == [None, None]
    assert planned.notes[0].endswith('`assert len(data["y"]) in (20, 22), "rows lost"`')
    assert ": on padded rows the model raises AssertionError: rows lost at test_safety.py:" in planned.notes[0]


def test_a_model_that_raises_for_some_options_is_told_with_a_rule_to_paste(small):
    def model(data, *, slope, family):
        b = numpyro.sample("slope", slope)
        with mv.rows(data):
            numpyro.sample("y", family(b * data["x"]), obs=data["y"])

    def broken(loc):
        raise TypeError("scale is missing")

    space = mv.Space(slope=mv.prior(a=dist.Normal(0, 1)), family=mv.likelihood(fine=dist.Normal, broken=broken))
    with pytest.raises(PlanError) as caught:
        plan(small(prepare=None, model=model, space=space), strict=True)
    (problem,) = caught.value.problems
    assert problem.what.startswith("the model raised TypeError: scale is missing at test_safety.py:")
    assert problem.what.endswith("(with family='broken').")
    assert "lambda family: family == 'broken'" in problem.mend


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ([[1.0, 1e9]], [[1.0 + 1e-4, 1e9]], True),  # float error of the largest number of its point
        ([[1.0, 2.0]], [[1.0 + 1e-4, 2.0]], False),
        ([[1.0], [1e9]], [[1.0 + 1e-4], [1e9]], False),  # a large point does not excuse another
        ([[np.nan, np.inf]], [[np.nan, np.inf]], True),
        ([[np.nan]], [[1.0]], False),
        ([[np.inf]], [[-np.inf]], False),
        ([[np.inf]], [[1.0]], False),
    ],
)
def test_equal_to_float_error_point_by_point(a, b, same):
    assert safety._same(np.array(a), np.array(b)) is same

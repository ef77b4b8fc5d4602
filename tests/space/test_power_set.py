"""Sets of covariates as options: against the definition, by trying all subsets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.errors import SpaceError
from multiverse.space.power_set import OPTIONS_MOST, power_set


@st.composite
def asked(draw):
    names = [f"x{i}" for i in draw(st.permutations(range(draw(st.integers(1, 6)))))]
    shuffled = draw(st.permutations(names))
    cuts = sorted(draw(st.sets(st.integers(0, len(names)), max_size=3)))
    groups = [shuffled[a:b] for a, b in itertools.pairwise(cuts)]
    always = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    at_least = draw(st.integers(0, len(names)))
    at_most = draw(st.none() | st.integers(at_least, len(names) + 1))
    return names, {"always": always, "together": groups, "at_least": at_least, "at_most": at_most}


def brute(names, always, together, at_least, at_most):
    """The sets by their definition, from all subsets."""
    most = len(names) if at_most is None else at_most
    subsets = itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(len(names) + 1))
    return {
        those
        for those in subsets
        if set(always) <= set(those)
        and all(set(group) <= set(those) or not set(group) & set(those) for group in together)
        and at_least <= len(those) <= most
    }


@settings(deadline=None)
@given(asked())
def test_the_options_are_the_sets_of_the_definition(given_):
    names, limits = given_
    expected = brute(names, **limits)
    if not expected:
        with pytest.raises(SpaceError, match="no set has"):
            power_set(names, **limits)
        return
    made = power_set(names, **limits)
    assert {option.value for option in made.options} == expected
    assert len(made.options) == len(expected)
    assert [len(option.value) for option in made.options] == sorted(len(option.value) for option in made.options)
    assert all(option.label == (" + ".join(option.value) or "none") for option in made.options)


@settings(deadline=None)
@given(asked())
def test_masks_are_the_same_sets(given_):
    names, limits = given_
    if not brute(names, **limits):
        return
    made, masks = power_set(names, **limits), power_set(names, **limits, as_mask=True)
    assert made.labels == masks.labels
    for those, mask in zip(made.options, masks.options, strict=True):
        assert mask.value.dtype == np.float64 and not mask.value.flags.writeable
        assert mask.value.tolist() == [float(name in those.value) for name in names]


def test_what_it_reads_like():
    made = power_set(["age", "sex", "income"], always=["age"], reference=["sex", "age"])
    assert made.labels == ("age", "age + sex", "age + income", "age + sex + income")
    assert (made.reference, made.kind) == ("age + sex", "covariates")
    assert power_set(["age"]).labels == ("none", "age")
    assert power_set(["age"], kind="adjustment", reference="age").reference == "age"


def test_few_of_many_are_found_without_trying_all():
    made = power_set([f"x{i}" for i in range(60)], at_most=2)
    assert len(made.options) == 1 + 60 + 60 * 59 // 2


def test_a_group_with_a_member_that_is_always_there_is_always_there():
    assert power_set(["x", "x2", "z"], always=["x"], together=[("x", "x2")]).labels == ("x + x2", "x + x2 + z")


def test_absurdly_many_sets_are_a_mistake_that_says_what_fits():
    with pytest.raises(SpaceError, match=r"1,099,511,627,776 options.*(\n.*)*at_most=2 leaves 821"):
        power_set([f"x{i}" for i in range(40)])
    assert len(power_set([f"x{i}" for i in range(12)]).options) == OPTIONS_MOST


def test_all_mistakes_are_told_at_once():
    with pytest.raises(SpaceError) as error:
        power_set(
            ["age", "age", "a + b", "none", ""],
            always=["agee"],
            together=[("age", "sex"), ("age",)],
            reference=["income"],
            at_least=-1,
            at_most=1.5,
        )
    said = str(error.value)
    for mistake in (
        "'age' twice",
        "covariate 'a + b'",
        "covariate 'none'",
        "covariate ''",
        "`always` names 'agee'",
        "Did you mean 'age'?",
        "`together` names 'sex'",
        "`reference` names 'income'",
        "at_least is -1",
        "at_most is 1.5",
        "'age' is in two groups",
    ):
        assert mistake in said


def test_a_reference_that_is_no_set_is_a_mistake():
    with pytest.raises(SpaceError, match=r"`reference` names 'sex'"):
        power_set(["age", "sex"], always=["age"], reference="sex")

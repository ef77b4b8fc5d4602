"""Mistakes in rules that are data, in rules of options, in links and in unions: all at once, in their own words."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.errors import SpaceError
from multiverse.space.decision import decision, likelihood, prior
from multiverse.space.space import Space


def small(**tail) -> Space:
    return Space(family=likelihood(normal=1, student=2), tail=prior({"light": 30.0, "heavy": 4.0}, **tail))


def whats(space: Space) -> list[str]:
    return [problem.what for problem in space.check()]


@pytest.mark.parametrize(
    ("space", "what", "expected", "mend"),
    [
        (
            small().only_when("tail", {"famly": "student"}),
            "the rule of only_when('tail') names 'famly', which is not a decision of the space.",
            "one of: family, tail",
            "Did you mean 'family'?  Rename it, or add the decision to the space.",
        ),
        (
            small().forbid("no", {"family": ["student", "norml"]}),
            "the rule of forbid('no') asks that 'family' is 'norml', which is not one of its options.",
            "one of: 'normal', 'student'",
            "Did you mean 'normal'?  Write the label as it was declared.",
        ),
        (
            small().forbid("no", {"tail": None}),
            "the rule of forbid('no') asks that 'tail' is None.",
            "one label or a list of labels, of: 'light', 'heavy'",
            "Write `{'tail': 'light'}`.",
        ),
        (
            small().forbid("no", {"family": "normal", "tail": ["light", None]}),
            "the rule of forbid('no') asks that 'tail' is None, which is not one of its options "
            "(where it does not apply: ask with a function).",
            "one of: 'light', 'heavy'",
            "Write `lambda tail: tail is None`.",
        ),
        (
            small().forbid("no", {}),
            "the rule of forbid('no') is an empty mapping, which asks nothing.",
            "at least one decision with the labels that count",
            "Write `{'family': 'normal'}`.",
        ),
        (
            small(requires={"heavy": {"family": "studnt"}}),
            "`requires` of tail='heavy' asks that 'family' is 'studnt', which is not one of its options.",
            "one of: 'normal', 'student'",
            "Did you mean 'student'?  Write the label as it was declared.",
        ),
        (
            small(incompatible_with={"heavy": {"tail": "light"}}),
            "`incompatible_with` of tail='heavy' names its own decision, 'tail'.",
            "other decisions: one decision has one option in a universe as it is",
            "Leave 'tail' out.",
        ),
        (
            small(requires={"heavy": lambda famly: True}),
            "the rule of tail='heavy' asks for 'famly', which is not a decision of the space.",
            "parameters among: family, tail",
            "Did you mean 'family'?  Rename the parameter, or add the decision 'famly' to the space.",
        ),
        (
            small().link("family", "tial"),
            "link('family', 'tial') names 'tial', which is not a decision of the space.",
            "one of: family, tail",
            "Did you mean 'tail'?  Rename it, or add the decision to the space.",
        ),
        (
            small().link("family"),
            "link('family') names no other decision.",
            "two or more different decisions, which move together",
            "Write `.link('family', 'tail')`.",
        ),
        (
            Space(a=prior(x=1, y=2), b=prior(x=1, y=2, z=3)).link("a", "b"),
            "link('a', 'b'): 'a' has 2 options, 'b' has 3 options.",
            "as many options in each: the first goes with the first, the second with the second",
            "Add or leave out options, or say with `forbid` what does not go together.",
        ),
        (
            Space(a=prior(x=1, y=2), b=prior({"x": 1, "y": 2}, reference="y")).link("a", "b"),
            "the reference universe (a='x', b='y') is ruled out by link('a', 'b').",
            "a reference universe that is in the space: it is the analysis that would have been published",
            "Put the reference options of linked decisions at the same place among their options.",
        ),
        (
            small(requires={"light": {"family": "student"}}),
            "the reference universe (family='normal', tail='light') is ruled out by "
            "the rule that tail='light' requires family='student'.",
            "a reference universe that is in the space: it is the analysis that would have been published",
            'Mark another option as reference, `reference="..."`, or loosen the rule.',
        ),
        (
            small() | Space(tail=decision("estimator", light=30.0)),
            "the spaces of the union have the decision 'tail' in two kinds, 'prior' and 'estimator'.",
            "one kind in both",
            "Make both by the same maker, or rename 'tail' in one of them.",
        ),
        (
            small() | Space(tail=prior(light=30.0, heavy=3.0)),
            "'heavy' of 'tail' has another value in each space of the union.",
            "one value under one label",
            "Give one of them another label, or both the same value: 'heavy' is 4.0 and 3.0.",
        ),
        (
            Space(a=prior(x=1, y=2)) | Space(a=prior({"z": 3}, plausibility={"z": 1.0})),
            "only one space of the union gives plausibilities to the options of 'a'.",
            "a plausibility for every option, or for none",
            "Give `plausibility={...}` to 'a' in both spaces, or in neither.",
        ),
        (
            Space(a=prior(x=1, y=2), b=prior(x=1, y=2)).only_when("b", {"a": "x"})
            | Space(a=prior(x=1, y=2), b=prior(x=1, y=2)).only_when("a", {"b": "x"}),
            "the spaces of the union take decisions in orders that contradict each other: a -> b -> a, "
            "each applying only when the next has some option.",
            "one order in which the decisions of all spaces can be taken",
            "Turn one of only_when('a'), only_when('b') into a `forbid`, "
            "or give the decision another name in one of the spaces.",
        ),
    ],
)
def test_a_mistake_says_what_was_expected_and_how_to_mend_it(space, what, expected, mend):
    (problem,) = space.check()
    assert (problem.what, problem.expected, problem.mend) == (what, expected, mend)
    with pytest.raises(SpaceError):
        len(space)


def test_all_mistakes_are_told_at_once():
    space = small(requires={"heavy": {"famly": "student", "family": "studnt"}}).link("tail", "famly")
    assert len(space.forbid("no", {"tial": "light"}).only_when("tail", {"family": "normall"}).check()) == 5


def test_mistakes_of_both_spaces_of_a_union_are_told():
    union = small().forbid("no", {"tial": "light"}) | small().link("family", "fmily")
    assert whats(union) == [
        "the rule of forbid('no') names 'tial', which is not a decision of the space.",
        "link('family', 'fmily') names 'fmily', which is not a decision of the space.",
    ]


def test_a_rule_of_one_space_may_not_ask_for_a_decision_of_the_other():
    union = small().forbid("no", {"cut": "all"}) | Space(cut=prior(all=1, some=2))
    assert whats(union) == ["the rule of forbid('no') names 'cut', which is not a decision of the space."]


def test_what_an_option_asks_must_be_a_mapping_or_a_function():
    with pytest.raises(SpaceError) as error:
        prior(a=1, b=2, requires={"b": "student", "c": {"family": "student"}})
    assert [problem.what for problem in error.value.problems] == [
        "prior(...): `requires` names 'c', which is not one of its options.",
        "prior(...): `requires` of 'b' is 'student', a str.",
    ]


def test_values_of_a_union_are_compared_as_keys_see_them():
    one = Space(cut=prior(low=np.array([1.0, 2.0]), rule=lambda x: x + 1))
    other = Space(cut=prior(low=np.array([1.0, 2.0]), rule=lambda x: x + 1, high=np.array([3.0])))
    assert whats(one | other) == []
    assert whats(one | Space(cut=prior(low=np.array([1.0, 2.5])))) == [
        "'low' of 'cut' has another value in each space of the union."
    ]


def test_notes_name_rules_that_change_nothing():
    space = (
        Space(a=prior(x=1, y=2), b=prior(x=1, y=2), c=prior({"x": 1, "y": 2}, incompatible_with={"y": {"b": "x"}}))
        .only_when("b", {"a": "y"})
        .only_when("c", {"a": "x"})
        .link("b", "c")
    )
    assert space.notes == (
        "c='y' does not go with b='x' rules nothing out: compare the labels in its rule with those of the options",
        "link('b', 'c') rules nothing out: no two of its decisions apply together",
    )

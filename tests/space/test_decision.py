"""Decisions: two ways to write the options, and all mistakes told at once."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.errors import SpaceError
from multiverse.space.decision import Decision, decision, likelihood, parameterization, preprocessing, prior
from multiverse.space.option import Option


def told(make, *args, **kwargs) -> str:
    with pytest.raises(SpaceError) as caught:
        make(*args, **kwargs)
    return str(caught.value)


def test_options_by_keyword_keep_order_values_and_the_first_as_reference():
    made = prior(weak=10, sceptical=0.5)
    assert made.kind == "prior"
    assert [(o.label, o.value, o.why, o.plausibility) for o in made.options] == [
        ("weak", 10, None, None),
        ("sceptical", 0.5, None, None),
    ]
    assert made.reference == "weak"
    assert made.labels == ("weak", "sceptical")


def test_options_by_mapping_take_any_label_reasons_weights_and_a_marked_reference():
    made = preprocessing(
        {"all": 1, "five or more": 5},
        why={"all": "nothing is lost"},
        plausibility={"all": 3, "five or more": 1},
        reference="five or more",
    )
    assert made.options[0].why == "nothing is lost"
    assert made.options[1].why is None
    assert made.reference == "five or more"
    assert made.shares == {"all": 0.75, "five or more": 0.25}


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (preprocessing, "preprocessing"),
        (prior, "prior"),
        (likelihood, "likelihood"),
        (parameterization, "parameterization"),
        (lambda **options: decision("estimator", **options), "estimator"),
    ],
)
def test_every_maker_has_its_kind(make, kind):
    assert make(a=1).kind == kind


def test_keywords_of_the_makers_are_option_names_in_a_mapping():
    assert prior({"why": 1, "reference": 2, "plausibility": 3}).labels == ("why", "reference", "plausibility")
    assert decision("data", {"kind": 1}, reference="kind").reference == "kind"
    assert decision("data", kind=1, options=2).labels == ("kind", "options")


def test_an_option_named_like_a_keyword_is_told_to_use_a_mapping():
    assert "for an option called 'why', give the options as a mapping" in told(prior, weak=1, why=3.0)


def test_decisions_and_options_are_frozen():
    made = prior(weak=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.kind = "likelihood"
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.options[0].label = "strong"


def test_values_without_plain_equality_do_no_harm():
    numpy = pytest.importorskip("numpy")
    made = prior(a=numpy.zeros(3), b=numpy.ones(3))
    assert made != prior(a=numpy.zeros(3), b=numpy.ones(3))
    assert hash(made) == hash(made)


def test_option_by_label_names_the_near_miss():
    assert prior(weak=1, sceptical=2).option("sceptical").value == 2
    assert told(prior(weak=1, sceptical=2).option, "skeptical") == (
        "'skeptical' is not an option of this prior decision.\n"
        "  expected: one of 'weak', 'sceptical'\n"
        "  mend: Did you mean 'sceptical'?  Write the label as it was declared."
    )


def test_shares_are_equal_where_no_plausibility_is_given():
    assert prior(a=1, b=2, c=3, d=4).shares == dict.fromkeys("abcd", 0.25)


@given(st.lists(st.floats(min_value=0, allow_infinity=False), min_size=1, max_size=8).filter(any))
def test_shares_sum_to_one_and_keep_ratios(weights):
    labels = [f"o{i}" for i in range(len(weights))]
    shares = prior(dict.fromkeys(labels), plausibility=dict(zip(labels, weights, strict=True))).shares
    assert math.isclose(math.fsum(shares.values()), 1, rel_tol=1e-12)
    for label, weight in zip(labels, weights, strict=True):
        total = math.fsum(w / max(weights) for w in weights)
        # below 1e-300 a double has few digits left
        assert math.isclose(shares[label] * total, weight / max(weights), abs_tol=1e-300)


@pytest.mark.parametrize(
    ("make", "what", "mend"),
    [
        (lambda: prior(), "prior(...): there are no options.", "`prior(a_label=..., another=...)`"),
        (lambda: prior({}), "prior(...): there are no options.", "`prior(a_label=..., another=...)`"),
        (lambda: prior({1: "a"}), "prior(...): the label 1 is a int.", '`"1": ...`'),
        (lambda: prior({" ": "a"}), "prior(...): the label ' ' is empty.", '`"none": ...`'),
        (lambda: prior({"a": 1, "a ": 2}), "the labels 'a' and 'a ' look the same.", "Rename one of them."),
        (lambda: prior([1, 2]), "prior(...) was given a list, which has no labels.", '`prior({"a label": ...,'),
        (lambda: prior({"a": 1}, b=2), "was given a mapping ('a') and keywords ('b').", "Move 'b' into the mapping."),
        (lambda: prior({"weak": 1}, why={"waek": "x"}), "`why` names 'waek'", "Did you mean 'weak'?"),
        (lambda: prior(weak=1, why={"weak": 3}), "the reason of 'weak' is 3.", "`why={'weak': 'because ...'}`"),
        (lambda: prior(weak=1, why="because"), "`why` is 'because', a str.", "`why={'weak': ...}`"),
        (lambda: prior({"weak": 1}, plausibility={"waek": 1}), "`plausibility` names 'waek'", "Did you mean 'weak'?"),
        (lambda: prior({"weak": 1}, reference="waek"), "`reference` names 'waek'", "Did you mean 'weak'?"),
        (lambda: prior(a=1, plausibility={"a": -1}), "the plausibility of 'a' is -1.", "plausibility={'a': 0.5"),
        (lambda: prior(a=1, plausibility={"a": math.nan}), "the plausibility of 'a' is nan.", "plausibility={'a': 0.5"),
        (lambda: prior(a=1, plausibility={"a": math.inf}), "the plausibility of 'a' is inf.", "plausibility={'a': 0.5"),
        (lambda: prior(a=1, plausibility={"a": "1"}), "the plausibility of 'a' is '1'.", "plausibility={'a': 0.5"),
        (lambda: prior(a=1, b=2, plausibility={"a": 0, "b": 0}), "every plausibility is 0.", "for equal weights"),
        (lambda: prior(a=1, b=2, plausibility={"a": 1}), "no plausibility for 'b'.", "Add `'b': ...`"),
        (
            lambda: prior(a=1, b=2, plausibility=[1, 2]),
            "`plausibility` is [1, 2], a list.",
            "`plausibility={'a': ...}`",
        ),
        (lambda: decision("", a=1), "the kind is ''.", '`decision("data", ...)`'),
        (lambda: decision({"a": 1}), "the kind is {'a': 1}.", '`decision("data", ...)`'),
        (
            lambda: decision("data", []),
            "decision('data', ...) was given a list",
            "`decision('data', {\"a label\": ...,",
        ),
    ],
)
def test_each_mistake_names_the_value_and_the_mend(make, what, mend):
    message = told(make)
    assert what in message
    assert mend in message


def test_all_mistakes_are_told_at_once():
    def make():
        prior(
            {1: "a", "": "b", "weak": 3},
            strong=4,
            why={"waek": "loose"},
            plausibility={"weak": -1, "srtong": 2},
            reference="storng",
        )

    with pytest.raises(SpaceError) as caught:
        make()
    whats = [problem.what for problem in caught.value.problems]
    assert whats == [
        "prior(...) was given a mapping (1, '', 'weak') and keywords ('strong').",
        "prior(...): `why` names 'waek', which is not one of its options.",
        "prior(...): `plausibility` names 'srtong', which is not one of its options.",
        "prior(...): the label 1 is a int.",
        "prior(...): the label '' is empty.",
        "prior(...): the plausibility of 'weak' is -1.",
        "prior(...): `reference` names 'storng', which is not one of its options.",
    ]
    assert str(caught.value).startswith("7 mistakes:\n1. ")


def test_a_decision_written_by_hand_is_checked_too():
    message = told(Decision, "prior", (Option("a", 1), Option("a", 2)), "b")
    assert "the labels 'a' and 'a' look the same." in message
    assert "`reference` names 'b'" in message

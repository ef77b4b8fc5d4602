from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multiverse.aggregate.agreement import agreement
from multiverse.aggregate.attribution import attribution
from multiverse.aggregate.estimates import DecisionInfo, Estimates
from multiverse.aggregate.linked import together
from multiverse.aggregate.summary import summarise
from multiverse.aggregate.uncertainty import uncertainty
from multiverse.aggregate.weights import weighted_share, weights
from multiverse.errors import ResultError

DECISIONS = {
    "family": DecisionInfo("likelihood", ("normal", "student", "cauchy"), "normal"),
    "tail": DecisionInfo("prior", ("light", "heavy"), "light"),
    "why": DecisionInfo("prior", ("p", "q", "r"), "p"),  # applies under heavy tails only
}
ROWS = [("normal", None, None), ("cauchy", None, None), ("student", "light", None)]
ROWS += [("student", "heavy", label) for label in "pqr"]
TABLE = pd.DataFrame(ROWS, columns=list(DECISIONS))


def test_options_share_alike_at_each_fork():
    assert weights(TABLE, DECISIONS, "universes") == pytest.approx([1 / 6] * 6)
    assert weights(TABLE, DECISIONS, "branches") == pytest.approx([1 / 3, 1 / 3, 1 / 6, 1 / 18, 1 / 18, 1 / 18])
    assert weights(TABLE.iloc[:0], DECISIONS, "branches").size == 0


def test_linked_decisions_are_one_fork():
    """b moves with a and applies only under student: a is chosen once everywhere, whether or not b applies too."""
    info = {
        "family": DecisionInfo("x", ("normal", "student"), "normal"),
        "a": DecisionInfo("x", ("a0", "a1"), "a0"),
        "b": DecisionInfo("x", ("b0", "b1"), "b0"),
    }
    rows = [("normal", "a0", None), ("normal", "a1", None), ("student", "a0", "b0"), ("student", "a1", "b1")]
    table = pd.DataFrame(rows, columns=list(info))
    assert weights(table, info, "branches", links=(("a", "b"),)) == pytest.approx([0.25] * 4)


def test_links_that_share_a_name_are_one():
    assert together("abcde", [("a", "c"), ("c", "e"), ("b", "nobody")]) == (("a", "c", "e"), ("b",), ("d",))


def nested(make, weigh):
    """normal: 4; student with light tails: 0, with heavy ones: -2."""
    space = {"family": ("likelihood", ["normal", "student"]), "tail": ("prior", ["light", "heavy"])}
    estimates = make(space, [4.0, 4.0, 0.0, -2.0], sd=[1.0, 1.0, 2.0, 2.0], mcse=0.1)
    table = estimates.table.iloc[[0, 2, 3]].copy()
    table["tail"] = np.array([None, "light", "heavy"], dtype=object)
    return Estimates("effect", table, estimates.decisions, 3, weigh=weigh)


def product(make):
    """The same as a full product, in which tail does nothing to the normal family."""
    space = {"family": ("likelihood", ["normal", "student"]), "tail": ("prior", ["light", "heavy"])}
    return make(space, [4.0, 4.0, 0.0, -2.0], sd=[1.0, 1.0, 2.0, 2.0])


def test_branches_weigh_as_if_the_idle_decision_multiplied(make):
    branches, full = nested(make, "branches"), product(make)
    assert uncertainty(branches).within == pytest.approx(uncertainty(full).within)
    noise = 0.01 * (1 - (0.5**2 + 2 * 0.25**2))  # of the variance of three means with these weights
    assert uncertainty(branches).between == pytest.approx(uncertainty(full).between - noise)
    assert summarise(branches).p_positive == summarise(full).p_positive == 0.5
    claim = "interval above zero"
    assert agreement(branches)[claim].share == agreement(full)[claim].share == 0.5
    assert (agreement(branches)[claim].true, agreement(branches)[claim].n) == (1, 3)
    assert agreement(nested(make, "universes"))[claim].share == pytest.approx(1 / 3)
    between = attribution(branches).by_kind.set_index("kind").loc["likelihood", "main"] * attribution(branches).between
    exact = attribution(full)
    # family alone: the noise of its options' means is 0.01 x (1/2 + 1/4), less that of the whole
    assert between == pytest.approx(exact.by_kind.set_index("kind").loc["likelihood", "main"] * exact.between, abs=0.01)


def test_every_answer_says_that_branches_weigh_alike(make):
    said = "each branch of an only_when weighs the same"
    for answer in (summarise, uncertainty, agreement, attribution):
        assert said in str(answer(nested(make, "branches")))
        assert said not in str(answer(nested(make, "universes")))


def test_shares_of_none_all_and_equal_weights_are_exact():
    mask, weight = np.array([True, False, True]), np.array([0.1, 0.2, 0.7])
    assert weighted_share(mask, np.ones(3, bool), np.full(3, 1 / 3)) == 2 / 3
    assert weighted_share(mask, np.ones(3, bool), weight) == pytest.approx(0.8)
    assert weighted_share(mask, mask, weight) == 1.0
    assert weighted_share(~mask, mask, weight) == 0.0
    assert np.isnan(weighted_share(mask, np.zeros(3, bool), weight))


def test_a_misspelt_weight_is_a_mistake(make):
    with pytest.raises(ResultError, match="Did you mean 'branches'"):
        nested(make, "branch")

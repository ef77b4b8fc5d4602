from __future__ import annotations

import numpy as np
import pytest

from multiverse.aggregate.agreement import agreement
from multiverse.errors import ResultError

FIVE = {"a": ("prior", list("pqrst"))}
MEANS = [3.0, 0.5, -3.0, 0.1, 9.0]  # sd 1: intervals are +- 1.96


def test_shares_by_hand(make):
    answer = agreement(make(FIVE, MEANS, red=(4,)), above=0.2, below=0.2, rope=(-2.0, 2.5))
    assert {c.text: c.true for c in answer.claims} == {
        "median of the reference universe's sign": 3,
        "interval above zero": 1,
        "interval below zero": 1,
        "interval holds zero": 2,
        "median above 0.2": 2,
        "interval above 0.2": 1,
        "median below 0.2": 2,
        "interval below 0.2": 1,
        "interval inside -2 to 2.5": 2,
        "interval outside -2 to 2.5": 0,
        "interval astride -2 to 2.5": 2,
    }
    claim = answer["median above 0.2"]
    assert (claim.n, claim.share, claim.share_with_red, claim.reference) == (4, 0.5, 3 / 5, True)
    assert answer["interval below zero"].reference is False


def test_exactly_one_place_of_the_interval(make):
    rng = np.random.default_rng(3)
    answer = agreement(make({"a": ("prior", [str(i) for i in range(200)])}, rng.normal(0, 3, 200)), rope=(-1, 1))
    for words in ("zero", "-1 to 1"):
        parts = [c.share for c in answer.claims if c.text.startswith("interval") and c.text.endswith(words)]
        assert sum(parts) == pytest.approx(1.0)


def test_parameterizations_count_once(make):
    space = {"a": ("prior", ["p", "q"]), "g": ("parameterization", ["c", "n"])}
    answer = agreement(make(space, [1.0, 1.0, -1.0, -1.0]))
    assert answer["interval holds zero"].n == 2
    assert answer["median of the reference universe's sign"].share == 0.5


def test_a_reference_without_numbers_is_said(make):
    estimates = make(FIVE, MEANS)
    table = estimates.table.iloc[1:]
    answer = agreement(type(estimates)("effect", table, estimates.decisions, 5))
    assert "reference universe has no numbers" in str(answer)
    assert answer.claims[0].reference is None


def test_a_red_reference_is_still_compared_with(make):
    answer = agreement(make(FIVE, MEANS, red=(0,)))
    assert answer["median of the reference universe's sign"].true == 3
    assert "red" in answer.notes[0]


def test_nothing_green_is_nan_with_red_beside(make):
    answer = agreement(make(FIVE, MEANS, red=range(5)))
    assert np.isnan(answer["interval above zero"].share)
    assert answer["interval above zero"].share_with_red == 2 / 5
    assert "<table>" in answer._repr_html_()


def test_bad_thresholds_are_told_together(make):
    with pytest.raises(ResultError) as error:
        agreement(make(FIVE, MEANS), above=np.nan, rope=(1, -1))
    assert len(error.value.problems) == 2
    with pytest.raises(ResultError, match="no claim"):
        agreement(make(FIVE, MEANS))["median over 3"]


def test_numbers_alone_are_held_to_sign_threshold_and_rope_themselves(make):
    answer = agreement(make(FIVE, MEANS, interval="none"), above=0.2, rope=(-3.0, 3.0))
    assert {c.text: (c.true, c.n) for c in answer.claims} == {
        "estimate of the reference universe's sign": (4, 5),
        "estimate above 0.2": (3, 5),
        "estimate inside -3 to 3": (4, 5),
    }
    assert answer["estimate above 0.2"].reference is True
    text = str(answer)
    assert "5 distinct analyses; numbers alone, without intervals" in text
    assert "no universe told its uncertainty: nothing is said of intervals" in text
    assert "reference universe: 3\n" in text + "\n"


def test_the_kind_of_interval_is_said(make):
    assert "5 distinct analyses; 95% credible intervals" in str(agreement(make(FIVE, MEANS)))
    answer = agreement(make(FIVE, MEANS, interval="confidence"))
    assert "5 distinct analyses; 95% confidence intervals" in str(answer)
    assert answer["estimate of the reference universe's sign"].true == 4
    assert answer["interval above zero"].true == 2


def test_in_a_mixture_claims_on_intervals_are_of_those_that_have_one(make):
    kinds = ["none", "confidence", "credible", "none", "credible"]
    answer = agreement(make(FIVE, MEANS, interval=kinds, red=(1,)), rope=(-2.0, 2.5))
    claim = answer["interval above zero"]
    assert (claim.true, claim.n, claim.share, claim.share_with_red) == (1, 2, 0.5, pytest.approx(1 / 3))
    assert claim.reference is None  # the reference universe has none
    sign = answer["median or estimate of the reference universe's sign"]
    assert (sign.true, sign.n, sign.reference) == (3, 4, True)
    for words in ("zero", "-2 to 2.5"):
        parts = [c.share for c in answer.claims if c.text.startswith("interval") and c.text.endswith(words)]
        assert sum(parts) == pytest.approx(1.0)
    assert "of the universes that have one" in str(answer)
    assert "4 distinct analyses; 95% intervals (2 credible; 2 without)" in str(answer)


def test_only_a_claim_that_monte_carlo_error_may_turn_is_unsure(make):
    """An interval that begins near the region's lower end, and ends far above it, is astride however it moves."""
    estimates = make({"a": ("prior", ["p", "q"])}, [1.0, 1.0], mcse=0.05)
    low = float(estimates.table["q2_5"].iloc[0])
    claims = {claim.text: claim.unsure for claim in agreement(estimates, rope=(low + 0.01, low + 1.0)).claims}
    assert [claims[text] for text in claims if "to" in text] == [0, 0, 0]
    near = {claim.text: claim.unsure for claim in agreement(estimates, above=low + 0.01).claims}
    assert near[f"interval above {low + 0.01:g}"] == 2

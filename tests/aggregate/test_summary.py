from __future__ import annotations

import numpy as np
import pytest

from multiverse.aggregate.summary import summarise

ONE = {"a": ("prior", list("pqrstu"))}


def test_known_numbers(make):
    summary = summarise(make(ONE, [3.0, -1.0, 1.0, 2.0, -2.0, 9.0], red=(5,)))
    assert (summary.median, summary.low, summary.high, summary.n) == (1.0, -2.0, 3.0, 5)
    assert summary.share_positive == pytest.approx(3 / 5)
    assert summary.p_positive == pytest.approx(3 / 5)
    assert summary.reference == 3.0
    assert summary.quantiles[0.25] == np.quantile([3, -1, 1, 2, -2], 0.25)
    assert summary.with_red is not None
    assert summary.with_red.high == 9.0
    assert summary.with_red.with_red is None


def test_parameterizations_count_once(make):
    space = {"a": ("prior", ["p", "q", "r"]), "g": ("parameterization", ["c", "n"])}
    summary = summarise(make(space, [0.0, 0.0, 1.0, 1.0, 5.0, 7.0]))
    assert (summary.n, summary.median, summary.high) == (3, 1.0, 6.0)


def test_nothing_green(make):
    summary = summarise(make(ONE, np.arange(6.0), red=range(6)))
    assert summary.n == 0
    assert np.isnan(summary.median)
    assert summary.with_red.median == 2.5
    assert "0 of 6 universes; 6 red left out" in str(summary)


def test_it_prints_as_text_and_html(make):
    summary = summarise(make(ONE, [3.0, -1.0, 1.0, 2.0, -2.0, 9.0], red=(5,)))
    assert "5 of 6 universes; 1 red left out" in repr(summary)
    assert "60%" in str(summary)
    assert "<table>" in summary._repr_html_()


MIXED = ["credible", "confidence", "none", "credible", "none", "confidence"]


def test_numbers_alone_have_no_probability(make):
    summary = summarise(make(ONE, [3.0, -1.0, 1.0, 2.0, -2.0, 9.0], interval="none"))
    assert (summary.median, summary.low, summary.high) == (1.5, -2.0, 9.0)
    assert summary.share_positive == pytest.approx(4 / 6)
    assert np.isnan(summary.p_positive)
    text = str(summary)
    assert text.startswith("Estimates of 'effect'")
    assert "numbers alone, without intervals" in text
    assert "P(above" not in text and "confidence above" not in text and " -\n" not in text


def test_confidence_is_no_probability(make):
    text = str(summarise(make(ONE, [3.0, -1.0, 1.0, 2.0, -2.0, 9.0], interval="confidence")))
    assert text.startswith("Estimates of 'effect'")
    assert "confidence above zero" in text and "P(above" not in text
    assert "95% confidence intervals" in text


def test_a_mixture_averages_those_that_tell_and_counts_them(make):
    summary = summarise(make(ONE, [3.0, -1.0, 1.0, 2.0, -2.0, 9.0], interval=MIXED))
    assert summary.n == 6
    assert summary.p_positive == pytest.approx(3 / 4)
    text = str(summary)
    assert text.startswith("Medians or estimates of 'effect'")
    assert "95% intervals (2 credible, 2 confidence; 2 without)" in text
    assert "over the 4 that tell" in text
    assert "one-sided confidence level" in text


def test_where_all_are_red_the_words_are_those_of_the_red(make):
    summary = summarise(make(ONE, np.arange(6.0), interval="confidence", red=range(6)))
    assert str(summary).startswith("Estimates of")
    assert summary.n == 0

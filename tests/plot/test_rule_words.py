from __future__ import annotations

import pytest

import multiverse as mv
from multiverse.plot.rule_words import ASKED_MOST, rule_words
from multiverse.space.rules import Forbid, Link, OnlyWhen, OptionRule

DECISIONS = {
    "family": mv.likelihood(normal=1, student=2, cauchy=3, laplace=4, logistic=5),
    "tail": mv.prior(light=1, heavy=2),
    "zeros": mv.preprocessing({"as 0.1": 1, "as\n0.3": 2}),
}


def words(rule):
    return rule_words(rule, DECISIONS, ["tail"])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda family, zeros: (family, zeros) == ("normal", "as 0.1"), "not family “normal” with zeros “as 0.1”"),
        (lambda zeros: zeros != "as 0.1", "not zeros “as 0.3”"),
        (lambda family, zeros: family == "normal", "not family “normal”"),
        (lambda family: family in ("normal", "student"), "not family “normal” or “student”"),
        (lambda family: family != "normal", "not family other than “normal”"),
        (lambda tail: tail is None, "not tail absent"),
        (
            lambda tail, zeros: (tail, zeros) in {("light", "as 0.1"), ("heavy", "as\n0.3")},
            "not tail “light” with zeros “as 0.1”, or tail “heavy” with zeros “as 0.3”",
        ),
        (
            lambda family, tail: (family == "normal") != (tail == "light"),
            "not 6 of the 15 combinations of family and tail",
        ),
        (lambda family: family.nothing, "not nothing"),
        (lambda family, zeros: True, "not anything"),
    ],
)
def test_a_function_is_told_by_the_labels_for_which_it_is_true(ask, said):
    assert words(Forbid("a reason", ask)).what == said


def test_the_options_it_is_about():
    both = words(Forbid("a reason", lambda family, zeros: family == "normal" and zeros == "as 0.1"))
    assert both.where == (("family", "normal"), ("zeros", "as 0.1"))
    assert words(Forbid("a reason", lambda family, zeros: family == "normal")).where == (("family", "normal"),)
    crossed = words(Forbid("a reason", lambda zeros, tail: (zeros == "as 0.1") == (tail == "light")))
    assert crossed.where == (("zeros", None), ("tail", None))
    assert words(OnlyWhen("tail", lambda family: family == "student")).where == (("tail", None),)


def test_every_kind_of_rule():
    assert words(OnlyWhen("tail", lambda family: family == "student")).what == "tail only where family is “student”"
    many = OnlyWhen("tail", lambda family: family != "normal")
    assert words(many).what == "tail only where family is not “normal”"
    assert words(Link(("tail", "zeros"), ((), ()))).what == "tail and zeros move together"
    heavy = OptionRule("tail", "heavy", lambda family: family == "student", True)
    assert words(heavy).what == "tail “heavy” only where family is “student”"
    assert words(heavy).where == (("tail", "heavy"),)
    other = OptionRule("tail", "heavy", lambda zeros: zeros == "as 0.1", False)
    assert words(other).what == "not tail “heavy” where zeros is “as 0.1”"
    assert words(other).where == (("tail", "heavy"), ("zeros", "as 0.1"))


def test_a_rule_on_too_many_combinations_is_not_asked():
    wide = mv.prior({f"{i}": i for i in range(int(ASKED_MOST**0.5) + 1)})
    told = rule_words(Forbid("a reason", lambda a, b: 1 / 0), {"a": wide, "b": wide})
    assert told.what == "not some combinations of a and b"
    assert told.where == (("a", None), ("b", None))

"""Mistakes that are one mistake are told once, where they are, and with the way out."""

from __future__ import annotations

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.alike import in_universe, or_forbid, place, said, summed_up
from multiverse.planning.leaf_path import option_path, spoken, step

LABELS = [("rows", "all"), ("tail", None), ("slope", "weak")]


def problem(what: str) -> Problem:
    return Problem(what, "expected", "mend")


def test_where_a_mistake_is():
    assert in_universe("it is wrong.", LABELS) == "it is wrong (with rows='all', slope='weak')."
    assert in_universe("it is wrong.", []) == "it is wrong."


def test_the_rule_that_excludes_it():
    assert or_forbid([]) == or_forbid([("tail", None)]) == ""
    rule = """, or rule them out: `space.forbid("the reason", lambda rows, slope: (rows, slope) == ('all', 'weak'))`"""
    assert or_forbid(LABELS) == rule


def test_what_differs_in_its_counts_is_one_mistake():
    problems = [problem(f"data['y'] is NaN in {n} of its {2 * n} values (with rows='{n}').") for n in (3, 4, 5)]
    assert [p.what for p in summed_up(problems)] == [
        "data['y'] is NaN in 3 of its 6 values (with rows='3'), and in 2 more combinations of options."
    ]
    assert [p.what for p in summed_up(problems[:1] * 3)] == [problems[0].what]


def test_what_differs_in_names_and_labels_is_several():
    texts = ["data['x1'] is empty.", "data['x2'] is empty.", "data[0] is empty.", "data[1] is empty.", "'1' of 'a'."]
    assert [p.what for p in summed_up(map(problem, [*texts, "'2' of 'a'."]))] == [*texts, "'2' of 'a'."]


def test_an_exception_in_one_line_with_the_users_own_last_line():
    def fails():
        return np.linalg.inv(np.zeros((2, 3)))  # raises within NumPy

    try:
        fails()
    except np.linalg.LinAlgError as error:
        text = said(error)
    assert text.startswith("LinAlgError: ") and " at test_alike.py:" in text
    assert text.endswith(", `return np.linalg.inv(np.zeros((2, 3)))  # raises within NumPy`")
    assert said(KeyError()) == "KeyError" and place(ValueError("never raised")) == ""


def test_paths_as_a_person_would_write_them():
    assert spoken(option_path("slope") + "/scale") == "slope.scale"
    assert spoken("/y") == "data['y']"
    assert spoken("") == "data"
    assert spoken(f"/{step('a/b')}/{step(0)}/{step('~')}") == "data['a/b'][0]['~']"

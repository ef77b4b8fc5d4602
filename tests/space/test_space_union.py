"""Unions by example: what is merged, what is None where, and which universe is the reference."""

from __future__ import annotations

import pickle

import pytest

from multiverse.errors import SpaceError
from multiverse.space import show
from multiverse.space.decision import decision, likelihood, prior
from multiverse.space.rules import Forbid, Link, OnlyWhen, OptionRule
from multiverse.space.space import Space

COUNTS = Space(family=likelihood(poisson=1, binomial=2), offset=prior(none=0, time=1))
LOGS = Space(family=likelihood(normal=3), noise=prior(weak=9, tight=1))


def test_a_union_has_both_and_none_where_a_decision_is_of_the_other_space():
    union = COUNTS | LOGS
    assert [universe.labels for universe in union] == [
        ("poisson", "none", None),
        ("poisson", "time", None),
        ("binomial", "none", None),
        ("binomial", "time", None),
        ("normal", None, "weak"),
        ("normal", None, "tight"),
    ]
    assert union.decisions["family"].labels == ("poisson", "binomial", "normal")
    assert union.values(union[4]) == {"family": 3, "offset": None, "noise": 9}


def test_the_reference_is_that_of_the_first_space():
    assert dict((COUNTS | LOGS).reference) == {"family": "poisson", "offset": "none", "noise": None}
    assert dict((LOGS | COUNTS).reference) == {"family": "normal", "offset": None, "noise": "weak"}


def test_a_union_with_itself_is_itself():
    union = COUNTS | COUNTS
    assert list(union) == list(COUNTS) and union.shared == 4
    assert repr(union).splitlines()[0] == "Space of 4 universes, the union of 2 spaces, which share 4"


def test_a_union_leaves_its_spaces_as_they_were():
    before = list(COUNTS), list(LOGS)
    (COUNTS | LOGS).forbid("no", {"offset": "time"})
    assert (list(COUNTS), list(LOGS)) == before


def test_rules_of_one_space_hold_for_its_universes_only():
    ruled = COUNTS.forbid("a binomial needs no offset", {"family": "binomial", "offset": "time"})
    union = ruled | COUNTS
    assert {"family": "binomial", "offset": "time"} in union
    assert {"family": "binomial", "offset": "time"} not in union.forbid("nowhere", {"family": "binomial"})
    assert len(union.rules) == 1


def test_a_rule_that_both_have_is_one_rule():
    base = COUNTS.forbid("a binomial needs no offset", {"family": "binomial", "offset": "time"})
    union = base.only_when("offset", {"family": "poisson"}) | base
    assert [type(rule) for rule in union.rules] == [Forbid, OnlyWhen]
    assert [(type(found.rule), found.universes) for found in union.ruled_out()] == [(OnlyWhen, 1), (Forbid, 1)]
    assert (union.combinations, union.shared, union.size) == (8, 2, 4)


def test_what_is_declared_afterwards_may_look_at_decisions_of_both():
    union = (
        (COUNTS | LOGS).only_when("noise", {"family": "normal"}).forbid("no", lambda offset, noise: noise == "tight")
    )
    assert union.size == 5
    asked = (COUNTS | LOGS).forbid("no", lambda offset, noise: (offset is None) == (noise is None))
    assert asked.size == 6


def test_one_at_a_time_goes_over_to_the_other_space():
    first, *others = (COUNTS | LOGS).one_at_a_time()
    assert first == (COUNTS | LOGS).reference
    assert [universe.active for universe in others] == [
        {"family": "binomial", "offset": "none"},
        {"family": "normal", "noise": "weak"},
        {"family": "poisson", "offset": "time"},
    ]


def test_one_at_a_time_takes_every_option_of_linked_decisions():
    options = {"x": 1, "y": 2, "z": 3}
    space = Space(a=prior(options), b=prior(options), c=prior(x=1, y=2), d=prior(options)).link("a", "b").link("b", "d")
    assert ["".join(universe.labels) for universe in space.one_at_a_time()] == ["xxxx", "yyxy", "zzxz", "xxyx"]


def test_why_a_universe_is_not_in_a_union_is_told_of_the_nearest_space():
    union = COUNTS | LOGS.forbid("tight noise hides all", {"noise": "tight"})
    with pytest.raises(SpaceError, match="is ruled out by forbid\\('tight noise hides all'\\)"):
        union.index({"family": "normal", "noise": "tight"})
    with pytest.raises(SpaceError, match="family='normal', which only another space of the union offers"):
        union.index({"family": "normal", "offset": "none"})
    with pytest.raises(SpaceError, match="where 'noise' does not apply"):
        union.index({"family": "poisson", "offset": "none", "noise": "weak"})


def test_a_space_of_a_union_without_universes_is_noted():
    union = COUNTS | LOGS.forbid("never", {"family": "normal"})
    assert union.size == 4
    assert union.notes[0] == "space 2 of the union has no universe: its rules exclude every combination"


def test_links_count_options_as_they_were_when_the_link_was_made():
    one = Space(a=prior(x=1, y=2), b=prior(x=1, y=2)).link("a", "b")
    other = Space(a=prior(z=3, y=2, x=1), b=prior(x=1, y=2, z=3)).link("a", "b")
    assert {universe.labels for universe in one | other} == {("x", "x"), ("y", "y"), ("z", "x"), ("x", "z")}
    assert (one | other).links == (("a", "b"),)


def test_a_space_is_joined_with_spaces_only():
    with pytest.raises(TypeError):
        COUNTS | {"family": "normal"}


def test_a_link_takes_names_and_a_union_takes_spaces():
    with pytest.raises(SpaceError, match=r"link was given \['family', 'offset'\], a list"):
        COUNTS.link(["family", "offset"])
    with pytest.raises(SpaceError, match="union was given a dict"):
        COUNTS.union({"family": 1})


def test_the_space_of_no_decisions_adds_the_analysis_without_choices():
    union = COUNTS | Space()
    assert union.size == 5 and {} in union and union.index({}) == 4
    assert (Space() | COUNTS).reference == {"family": None, "offset": None}


def test_a_union_crosses_processes():
    union = pickle.loads(pickle.dumps((COUNTS | LOGS).forbid("no", {"offset": "time"})))
    assert list(union) == list((COUNTS | LOGS).forbid("no", {"offset": "time"}))


def test_how_a_union_looks():
    asks = prior({"weak": 9, "tight": 1}, requires={"tight": {"family": "normal"}})
    logs = Space(family=likelihood(normal=3, student=4), noise=asks)
    space = (COUNTS | logs).link("offset", "noise").forbid("nobody believes it", {"family": "student"})
    shown = show.text(space, width=100)
    assert shown.splitlines() == [
        "Space of 6 universes, the union of 2 spaces",
        "  family  likelihood  poisson*, binomial, normal, student",
        "  offset  prior       none*, time",
        "  noise   prior       weak*, tight",
        "                      * reference",
        "  space 1: 4 universes of family, offset",
        "  space 2: 2 universes of family, noise",
        "  link: offset and noise move together",
        "  not: nobody believes it",
        "  option: noise='tight' requires family='normal' (in space 2 of the union)",
        "  note: link('offset', 'noise') rules nothing out: no two of its decisions apply together",
        "  note: noise='tight' requires family='normal' rules nothing out: compare the labels in its rule",
        "    with those of the options",
        "  note: 'student' of 'family' is in no universe: the rules exclude it everywhere",
    ]


def test_kinds_that_a_person_names_are_merged_too():
    one, other = (Space(source=decision("data", {label: label})) for label in ("survey", "census"))
    assert [universe.labels for universe in one | other] == [("survey",), ("census",)]


def test_what_is_ruled_out_is_told_rule_by_rule():
    space = (
        Space(
            a=prior(x=1, y=2, z=3),
            b=prior({"x": 1, "y": 2}, requires={"y": {"a": ["y", "z"]}}, incompatible_with={"y": {"a": "z"}}),
            c=prior(x=1, y=2),
        )
        .forbid("no", {"a": "z", "c": "y"})
        .only_when("c", lambda a: a != "x")
        .link("b", "c")
    )
    assert [(type(found.rule), found.universes) for found in space.ruled_out()] == [
        (OnlyWhen, 2),  # 12 -> 10: two pairs become one each
        (OptionRule, 1),  # (x, y, None)
        (OptionRule, 2),  # (z, y, x) and (z, y, y)
        (Forbid, 1),  # (z, x, y)
        (Link, 2),  # (y, x, y) and (y, y, x)
    ]
    assert space.size == 4


def test_links_of_a_union_are_those_that_hold_in_all_of_it():
    """Where the other space has both decisions, and lets them vary, they do not move together."""
    a, b, c = (prior({"1": 1.0, "2": 2.0}) for _ in range(3))
    linked = Space(a=a, b=b).link("a", "b")
    assert (linked | Space(a=a, c=c)).links == (("a", "b"),)
    assert (linked | Space(a=a, b=b)).links == ()
    assert (Space(a=a, b=b) | Space(a=a, b=b, c=c)).link("a", "b").links == (("a", "b"),)

"""Spaces against brute force: the product of all labels and None, every rule asked of whole universes."""

from __future__ import annotations

import inspect
import itertools
import math
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.space.decision import Decision, prior
from multiverse.space.rules import Forbid, OnlyWhen, Rule
from multiverse.space.space import Space

KINDS = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


class Table:
    """A rule by enumeration: true for the listed combinations of labels."""

    def __init__(self, names, true, kind):
        self.names, self.true = names, true
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])

    def __call__(self, *args, **kwargs):
        bound = self.__signature__.bind(*args, **kwargs).arguments
        return tuple(bound[name] for name in self.names) in self.true


@dataclass(frozen=True)
class Declared:
    decisions: dict[str, Decision]
    rules: tuple[Rule, ...]

    @property
    def space(self) -> Space:
        return build(self.decisions, self.rules)


def build(decisions, rules) -> Space:
    space = Space(decisions)
    for rule in rules:
        if isinstance(rule, Forbid):
            space = space.forbid(rule.why, rule.rule)
        else:
            space = space.only_when(rule.decision, rule.rule)
    return space


def says(rule: Rule, universe: dict[str, str | None]) -> bool:
    names = inspect.signature(rule.rule).parameters
    return tuple(universe[name] for name in names) in rule.rule.true


def brute(declared: Declared) -> list[dict[str, str | None]]:
    """All universes by trying every row of labels and Nones: right by its definition, and slow."""
    names = list(declared.decisions)
    found = []
    for row in itertools.product(*((*d.labels, None) for d in declared.decisions.values())):
        universe = dict(zip(names, row, strict=True))
        whens = [rule for rule in declared.rules if isinstance(rule, OnlyWhen)]
        fits = all(
            (universe[name] is not None) == all(says(rule, universe) for rule in whens if rule.decision == name)
            for name in names
        )
        if fits and not any(says(rule, universe) for rule in declared.rules if isinstance(rule, Forbid)):
            found.append(universe)
    return found


@st.composite
def declarations(draw, forbids=True, spare_reference=True):
    names = [f"d{i}" for i in range(draw(st.integers(1, 5)))]
    decisions = {}
    for name in names:
        labels = [f"{name}{letter}" for letter in "abc"[: draw(st.integers(1, 3))]]
        weights = draw(st.none() | st.fixed_dictionaries({label: st.floats(0.1, 10) for label in labels}))
        decisions[name] = prior(
            {label: label.upper() for label in labels}, reference=draw(st.sampled_from(labels)), plausibility=weights
        )

    def table(asked):
        combinations = list(itertools.product(*((*decisions[name].labels, None) for name in asked)))
        true = draw(st.frozensets(st.sampled_from(combinations)))
        return Table(asked, true, draw(st.sampled_from(KINDS)))

    turns = draw(st.permutations(names))  # only_when rules look back in this order, so they never go in a circle
    rules: list[Rule] = []
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(turns) - 1))
        if place:
            asked = draw(st.lists(st.sampled_from(turns[:place]), min_size=1, max_size=2, unique=True))
            rules.append(OnlyWhen(turns[place], table(asked)))
    reference: dict[str, str | None] = {}
    for name in turns:
        whens = [rule for rule in rules if rule.decision == name]
        reference[name] = decisions[name].reference if all(says(rule, reference) for rule in whens) else None
    for number in range(draw(st.integers(0, 3)) if forbids else 0):
        rule = table(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)))
        if spare_reference:
            rule.true -= {tuple(reference[name] for name in rule.names)}
        rules.append(Forbid(f"reason {number}", rule))
    return Declared(decisions, tuple(draw(st.permutations(rules))))


@given(declarations())
def test_each_universe_of_the_brute_force_appears_exactly_once(declared):
    found, space = brute(declared), declared.space
    assert not space.check()
    assert Counter(space) == Counter(u for u in space if dict(u) in found)
    assert sorted(map(str, map(dict, space))) == sorted(map(str, found))
    assert len(space) == space.size == len(found)


@given(declarations())
def test_index_and_universe_are_inverse(declared):
    space = declared.space
    universes = list(space)
    assert [space[i] for i in range(len(space))] == universes
    assert [space[i - len(space)] for i in range(len(space))] == universes
    assert [space.index(u) for u in universes] == list(range(len(space)))
    assert [space.index(u.active) for u in universes] == list(range(len(space)))
    for outside in (len(space), -len(space) - 1):
        with pytest.raises(IndexError):
            space[outside]


@given(declarations())
def test_membership_is_that_of_the_brute_force(declared):
    found, space = brute(declared), declared.space
    for row in itertools.product(*((*d.labels, None) for d in declared.decisions.values())):
        universe = dict(zip(declared.decisions, row, strict=True))
        assert (universe in space) == (universe in found)


@given(declarations(), st.randoms(use_true_random=False))
def test_the_order_of_rules_changes_nothing(declared, random):
    shuffled = list(declared.rules)
    random.shuffle(shuffled)
    assert set(build(declared.decisions, shuffled)) == set(declared.space)


@given(declarations(forbids=False))
def test_forbid_removes_exactly_the_universes_where_its_rule_is_true(declared):
    space = declared.space
    names = tuple(space.decisions)
    doomed = set(list(space)[1::2]) - {space.reference}
    rule = Table(names, frozenset(u.labels for u in doomed), KINDS[1])
    assert set(space.forbid("odd ones out", rule)) == set(space) - doomed


@given(declarations())
def test_one_at_a_time_is_every_universe_that_leaves_the_reference_in_one_active_choice(declared):
    space = declared.space
    own = {name: decision.reference for name, decision in declared.decisions.items()}
    reference = space.reference
    assert all(label in (own[name], None) for name, label in reference.items())

    def changes(universe):
        return [name for name, label in universe.items() if label not in (own[name], None)]

    expected = [u for u in brute(declared) if len(changes(u)) == 1 and reference[changes(u)[0]] is not None]
    first, *others = space.one_at_a_time()
    assert first == reference
    assert sorted(map(str, map(dict, others))) == sorted(map(str, expected))


@given(declarations(), st.integers(0, 40), st.integers(0, 5))
def test_a_sample_is_distinct_in_the_space_and_the_same_for_the_same_seed(declared, n, seed):
    space = declared.space
    sample = space.sample(n, seed=seed)
    assert len(sample) == len(set(sample)) == min(n, len(space))
    assert all(universe in space for universe in sample)
    assert sample == declared.space.sample(n, seed=seed)
    assert [space.index(u) for u in sample] == sorted(space.index(u) for u in sample)


@given(declarations(forbids=False))
def test_plausibilities_sum_to_one_where_nothing_is_forbidden(declared):
    space = declared.space
    assert math.isclose(math.fsum(map(space.plausibility, space)), 1, rel_tol=1e-9)


@given(declarations())
def test_values_are_those_of_the_labels(declared):
    space = declared.space
    for universe in space:
        assert space.values(universe) == {name: label and label.upper() for name, label in universe.items()}


@settings(max_examples=200)
@given(declarations(spare_reference=False))
def test_check_finds_an_excluded_reference_and_an_empty_space(declared):
    found, problems = brute(declared), declared.space.check()
    own = {name: decision.reference for name, decision in declared.decisions.items()}
    has_reference = any(all(label in (own[name], None) for name, label in u.items()) for u in found)
    assert bool(problems) == (not has_reference)
    if problems:
        said = "no universe is left" if not found else "the reference universe"
        assert said in problems[0].what
